import { listingOfDaemon } from '../query/daemon-listing.js';
import { CommandError, EXIT } from '../exit-status.js';

/** What a mount says of one dump, but also when all of it is locked, or its daemon has ended. */
const MAY_BE_THE_END = new Set(['EPERM', 'ENOENT', 'ESTALE', 'EIO', 'ENOTCONN', 'ECONNABORTED', 'ENODEV']);

/** What the mount means by an errno. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'firmware has no such dump',
  ESTALE: 'the dump has gone from firmware meanwhile',
  EIO: 'firmware reported a hardware error (EIO); a later attempt may succeed',
  EPERM: 'not permitted (EPERM): the platform delivers it elsewhere, or the mount forbids it',
  EBUSY: 'busy (EBUSY): another program has the dump open, or another dump has its tag by now',
  EROFS: 'the mount is read-only (EROFS)',
};

/**
 * Says why a dump was not saved, or not removed.
 *
 * @throws CommandError at lockdown, and where nobody serves the mount any more
 */
export async function explain(error: unknown, mountpoint: string, directory: string): Promise<string> {
  if (error instanceof DumpError) {
    if (MAY_BE_THE_END.has(error.code)) await assertServed(mountpoint);
    return REASONS[error.code] ?? error.message;
  }
  if (error instanceof NoRoom) return `no room in ${directory}: ${error.message}`;
  return `${directory} does not take it: ${(error as Error).message}`;
}

/** @throws CommandError */
async function assertServed(mountpoint: string): Promise<void> {
  try {
    await listingOfDaemon(mountpoint);
  } catch (error) {
    if (error instanceof CommandError && error.status === EXIT.lockedDown) throw error;
    throw new CommandError(EXIT.failed, `the daemon at ${mountpoint} has ended: the rest is not saved`);
  }
}

/** The mount refused, or broke off: what its errno means is another thing than what the same one means of a disk. */
export class DumpError extends Error {
  readonly code: string;

  constructor(cause: unknown) {
    const { message, code = '' } = cause as NodeJS.ErrnoException;
    super(message, { cause });
    this.code = code;
  }
}

/** Awaits a call on a file of the mount. @throws DumpError */
export async function ofDump<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw new DumpError(error);
  }
}

/** A copy does not fit. The message says how much is missing. */
class NoRoom extends Error {}

/** @throws NoRoom where less is free than the dump takes: before firmware is asked for gigabytes */
export function assertRoom(size: number, free: number): void {
  if (size > free)
    throw new NoRoom(`it takes ${size} bytes, and ${free} are free: ${size - free} are missing`);
}

/**
 * Says of an error of write(2) or fsync(2) how much found no room, if that is the reason.
 *
 * @param fit bytes that were taken before
 */
export function explainFull(error: unknown, fit: number, size: number): unknown {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  const missing = size > fit ? `${size - fit} are missing` : 'not all of them could be kept';
  return new NoRoom(`it takes ${size} bytes, and ${fit} were taken: ${missing} (${code})`);
}
