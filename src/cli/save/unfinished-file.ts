import { rmSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, rm, unlink } from 'node:fs/promises';
import type { Content } from './copy.js';
import { holds } from './copy.js';
import { giveName, isNameOf, partialPath } from './target-directory.js';

/** The file that is being made, for whoever has to take it away when the process must end now. */
let unfinished: string | undefined;

/** Leaves no half file. Waits for nothing: the process may have a thread that hangs in a read. */
export function dropUnfinished(): void {
  if (unfinished !== undefined) rmSync(unfinished, { force: true });
  unfinished = undefined;
}

/** A file of the directory that has a passing name while `work` fills it; gone afterwards, unless it was given another. */
export async function withUnfinished<T>(
  directory: string,
  tag: string,
  work: (target: FileHandle, partial: string) => Promise<T>,
): Promise<T> {
  const partial = partialPath(directory, tag);
  try {
    unfinished = partial;
    await using target = await open(partial, 'wx+', 0o600);
    return await work(target, partial);
  } finally {
    // Gone already, or what somebody else put in its place, and it is cleared by the next run.
    await unlink(partial).catch(() => undefined);
    unfinished = undefined;
  }
}

/**
 * Gives a complete file the name `path`, unless another file has it.
 *
 * @returns `new`; `same`: a file of that name holds the same already; `taken`: by something else
 * @throws Error where the name leads to something else afterwards; it is gone then
 */
export async function nameFile(
  target: FileHandle,
  partial: string,
  path: string,
  content: Content,
): Promise<'new' | 'same' | 'taken'> {
  if (await giveName(partial, path)) {
    await assertIsNamed(target, path, content);
    return 'new';
  }
  // What cannot be looked at (a link, a socket) is another file.
  return (await holds(path, content).catch(() => false)) ? 'same' : 'taken';
}

/**
 * Whoever owns the directory can put another file in the place of ours before it is named. Some network file systems
 * number each name of a file anew, so what the name leads to is read where the numbers differ.
 */
async function assertIsNamed(target: FileHandle, path: string, content: Content): Promise<void> {
  if (await isNameOf(path, target)) return;
  if (await holds(path, content).catch(() => false)) return;
  await rm(path, { force: true });
  throw new Error(`another program put something else in the place of the copy at ${path}`);
}
