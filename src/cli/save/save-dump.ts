import { rmSync } from 'node:fs';
import { rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { CopiedDump } from './copy.js';
import { copyDump, isSameDump } from './copy.js';
import { freeBytes, giveName, partialPath, syncDirectory } from './directory.js';
import { ProgressLine } from './progress.js';

export interface SavedDump {
  readonly path: string;
  readonly bytes: number;
  /** False: an earlier run had saved it. */
  readonly isNew: boolean;
}

/** The copy that is being made, for whoever has to take it away when the process must end now. */
let unfinished: string | undefined;

/** Leaves no half copy. Waits for nothing: the process may have a thread that hangs in a read. */
export function dropUnfinished(): void {
  if (unfinished !== undefined) rmSync(unfinished, { force: true });
  unfinished = undefined;
}

/**
 * Saves the dump `tag` of the mount into a directory: complete, checked and on disk, or not at all.
 *
 * @throws Error with the `code` of the system call that failed
 */
export async function saveDump(mountpoint: string, tag: string, directory: string): Promise<SavedDump> {
  const partial = partialPath(directory, tag);
  unfinished = partial;
  try {
    using progress = new ProgressLine(tag);
    const room = await freeBytes(directory);
    const copied = await copyDump(join(mountpoint, tag), partial, room, (done, total) =>
      progress.show(done, total),
    );
    const saved = await settle(partial, copied, directory, tag);
    await syncDirectory(directory);
    return saved;
  } finally {
    await rm(partial, { force: true });
    unfinished = undefined;
  }
}

/** The name that the dump suggests, or with the tag where that is another file's, or the tag. */
async function settle(
  partial: string,
  copied: CopiedDump,
  directory: string,
  tag: string,
): Promise<SavedDump> {
  const names = copied.name === undefined ? [tag] : [copied.name, `${copied.name}.${tag}`];
  for (const path of names.map((name) => join(directory, name))) {
    if (await giveName(partial, path)) return { path, bytes: copied.bytes, isNew: true };
    // What cannot be looked at (a link, a socket) is another file.
    if (await isSameDump(path, copied).catch(() => false)) return { path, bytes: copied.bytes, isNew: false };
  }
  throw new Error(
    `${names.map((name) => join(directory, name)).join(' and ')}: other files have these names`,
  );
}

/** Tells firmware to forget a dump, by removing its name from the mount. */
export function removeDump(mountpoint: string, tag: string): Promise<void> {
  return unlink(join(mountpoint, tag));
}
