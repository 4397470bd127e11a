import type { FileHandle } from 'node:fs/promises';
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import type { CopiedDump, OnProgress } from './copy.js';
import { copyDump } from './copy.js';
import { ofDump } from './explain.js';
import { freeBytes, syncDirectory } from './target-directory.js';
import { nameFile, withUnfinished } from './unfinished-file.js';
import { askDaemon } from '../control/control-client.js';
import { CommandError, EXIT } from '../exit-status.js';
import { listingOfDaemon } from '../query/daemon-listing.js';
import { askDaemons, onlyDaemon } from '../query/running-daemons.js';

/** Copies that differ and would have the same name, which takes a tag that came back again and again. */
const MOST_OF_ONE_NAME = 99;

export interface SavedDump {
  /** Name of the copy in the directory. */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Inode number of the dump that was read. */
  readonly ino: number;
  /** False: an earlier run had saved it. */
  readonly isNew: boolean;
}

/**
 * Saves the dump `tag` of the mount into a directory: complete, checked and on disk, or not at all.
 *
 * @throws DumpError, NoRoom, and Error where the directory does not take it
 */
export async function saveDump(
  mountpoint: string,
  tag: string,
  directory: string,
  onProgress: OnProgress,
): Promise<SavedDump> {
  const source = await ofDump(open(join(mountpoint, tag), 'r'));
  try {
    return await withUnfinished(directory, tag, async (target, partial) => {
      const copied = await copyDump(source, target, await freeBytes(directory), onProgress);
      const { name, isNew } = await settle(target, partial, copied, directory, tag);
      await syncDirectory(directory);
      const { ino, bytes, sha256 } = copied;
      return { name, isNew, ino, bytes, sha256 };
    });
  } finally {
    // The end of a daemon is told at close as well, where it would hide what happened before.
    await source.close().catch(() => undefined);
  }
}

/** Gives the copy the first name that no other file has, or finds that it is there already. */
async function settle(
  target: FileHandle,
  partial: string,
  copied: CopiedDump,
  directory: string,
  tag: string,
): Promise<{ name: string; isNew: boolean }> {
  for (const name of namesFor(copied, tag)) {
    const outcome = await nameFile(target, partial, join(directory, name), copied);
    if (outcome !== 'taken') return { name, isNew: outcome === 'new' };
  }
  throw new Error(`${MOST_OF_ONE_NAME} other files have the names of this dump`);
}

/** The name that the dump suggests, or with the tag where that is another file's; then numbers. */
function* namesFor({ name }: CopiedDump, tag: string): Generator<string> {
  if (name !== undefined) yield name;
  const own = name === undefined ? tag : `${name}.${tag}`;
  yield own;
  for (let number = 2; number <= MOST_OF_ONE_NAME; number += 1) yield `${own}.${number}`;
}

/** Tells firmware to forget a dump, by removing its name from the mount. */
export function removeDump(mountpoint: string, tag: string): Promise<void> {
  return ofDump(unlink(join(mountpoint, tag)));
}

/**
 * Writes beside a copy what `sha256sum -c` compares it with: on disk, or not at all. Never overwrites.
 *
 * @throws Error where the directory does not take it, or another file has the name
 */
export async function saveChecksum(
  directory: string,
  tag: string,
  { name, sha256 }: SavedDump,
): Promise<void> {
  const path = join(directory, `${name}.sha256`);
  const text = `${sha256}  ${name}\n`;
  const content = { bytes: text.length, sha256: createHash('sha256').update(text).digest('hex') };
  await withUnfinished(directory, tag, async (target, partial) => {
    await target.writeFile(text);
    await target.sync();
    const outcome = await nameFile(target, partial, path, content);
    if (outcome === 'taken') throw new Error(`${path} is there and says something else`);
    await syncDirectory(directory);
  });
}

/**
 * Tells the daemon of a mount that a dump of it is on disk, which `--unlink=saved` asks for.
 *
 * @throws CommandError at lockdown, and where nobody serves the mount any more
 * @throws Error where the copy does not count
 */
export async function tellSaved(mountpoint: string, tag: string, copy: SavedDump): Promise<void> {
  const { socketPath } = onlyDaemon(
    await askDaemons('/v1/status', mountpoint).catch(() => sayWhy(mountpoint)),
  );
  const { ino, bytes, sha256 } = copy;
  const answer = await askDaemon(socketPath, `/v1/dumps/${tag}/saved`, {
    method: 'POST',
    body: { ino, bytes, sha256 },
  });
  if (answer.kind === 'locked')
    throw new CommandError(EXIT.lockedDown, `locked down, no dump may be shown at ${mountpoint}`);
  if (answer.kind === 'error') throw new Error(answer.message);
}

/** @throws CommandError where the mount has gone as well */
async function sayWhy(mountpoint: string): Promise<never> {
  await listingOfDaemon(mountpoint);
  throw new Error('its daemon cannot be asked from here');
}
