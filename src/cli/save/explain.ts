import { listingOfDaemon } from '../query/daemon-listing.js';
import { CommandError, EXIT } from '../exit-status.js';
import { DumpError } from './dump-error.js';
import { NoRoom } from './no-room.js';

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
