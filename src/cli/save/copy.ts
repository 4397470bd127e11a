import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { readDirectory } from '../../dump/index.js';
import { assertRoom, DumpError, explainFull, ofDump } from './explain.js';

const BUFFER_BYTES = 1024 * 1024;

/** What a file holds. */
export interface Content {
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/** What was read of a dump, and what it says of itself. */
export interface CopiedDump extends Content {
  /** Inode number of the dump. */
  readonly ino: number;
  /** A safe leaf name; undefined: the dump suggests none. */
  readonly name: string | undefined;
}

/** @param done bytes so far @param total bytes in all, as far as known */
export type OnProgress = (done: number, total: number) => void;

/**
 * Copies an open dump into a new file, syncs it, reads it back and compares.
 *
 * @param free bytes that the file system of the target can take
 * @throws DumpError @throws NoRoom @throws Error where the copy cannot be written, or is not what was read
 */
export async function copyDump(
  source: FileHandle,
  target: FileHandle,
  free: number,
  onProgress: OnProgress,
): Promise<CopiedDump> {
  const { size } = await ofDump(source.stat());
  assertRoom(size, free);
  const copied = await transfer(source, target, (bytes) => onProgress(bytes, Math.max(bytes, size)));
  // Whatever was said at first, the true size is known once the end was read.
  const { size: trueSize, mtime, ino } = await ofDump(source.stat());
  if (copied.bytes !== trueSize) throw new DumpError(new Error(`${copied.bytes} bytes came of ${trueSize}`));
  await target.utimes(mtime, mtime);
  await syncCopy(target, copied.bytes);
  await verify(target, copied);
  return { ...copied, ino };
}

async function transfer(
  source: FileHandle,
  target: FileHandle,
  onProgress: (done: number) => void,
): Promise<Omit<CopiedDump, 'ino'>> {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  const hash = createHash('sha256');
  let name: string | undefined;
  let bytes = 0;
  for (;;) {
    const { bytesRead } = await ofDump(source.read(buffer, 0, BUFFER_BYTES, bytes));
    if (bytesRead === 0) return { bytes, sha256: hash.digest('hex'), name };
    const chunk = buffer.subarray(0, bytesRead);
    if (bytes === 0) name = suggestedName(chunk);
    hash.update(chunk);
    await writeAll(source, target, chunk, bytes);
    bytes += bytesRead;
    onProgress(bytes);
  }
}

async function writeAll(
  source: FileHandle,
  target: FileHandle,
  chunk: Uint8Array,
  position: number,
): Promise<void> {
  let done = 0;
  try {
    while (done < chunk.length)
      done += (await target.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
  } catch (error) {
    const { size } = await ofDump(source.stat());
    throw explainFull(error, position + done, Math.max(size, position + chunk.length));
  }
}

/** A file system that chooses blocks late says here only that there are none. */
async function syncCopy(target: FileHandle, bytes: number): Promise<void> {
  try {
    await target.sync();
  } catch (error) {
    throw explainFull(error, bytes, bytes);
  }
}

function suggestedName(head: Uint8Array): string | undefined {
  const reading = readDirectory(head);
  if (reading.kind === 'directory') return reading.directory.name;
  return reading.kind === 'incomplete' ? reading.soFar?.name : undefined;
}

/** @throws Error where the file does not hold what was read */
async function verify(target: FileHandle, { bytes, sha256 }: Content): Promise<void> {
  const { size } = await target.stat();
  if (size !== bytes) throw new Error(`the copy has ${size} bytes instead of ${bytes}`);
  if ((await hashOf(target)) !== sha256) throw new Error('the copy on disk differs from what was read');
}

async function hashOf(file: FileHandle): Promise<string> {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  const hash = createHash('sha256');
  for (let at = 0; ;) {
    const { bytesRead } = await file.read(buffer, 0, BUFFER_BYTES, at);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

/** Whether a regular file holds exactly that; if so, it is on disk afterwards. */
export async function holds(path: string, { bytes, sha256 }: Content): Promise<boolean> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  await using file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const stats = await file.stat();
  if (!stats.isFile() || stats.size !== bytes || (await hashOf(file)) !== sha256) return false;
  await file.sync();
  return true;
}
