import { OWN_FSTYPE, mountsAt } from '../../fuse/index.js';
import type { ControlResponse } from '../control/control-protocol.js';
import { CommandError, EXIT } from '../exit-status.js';
import type { ListedDump } from './listed-dump.js';
import { passedDescriptor } from '../mount/mount-request.js';
import type { AskedDaemon } from './running-daemons.js';
import { askDaemons, onlyDaemon } from './running-daemons.js';

/** What a daemon serves, and where. */
export interface DaemonListing {
  readonly mountpoint: string;
  readonly dumps: readonly ListedDump[];
}

/** What those say that may tell, and why others do not. */
export interface DaemonListings {
  readonly daemons: readonly AskedDaemon[];
  readonly listings: readonly DaemonListing[];
  readonly failures: readonly CommandError[];
}

/** Asks the daemon at `mountpoint`, or all that run. @throws CommandError where nobody serves `mountpoint` */
export async function listingsOfDaemons(mountpoint: string | undefined): Promise<DaemonListings> {
  const daemons = await askDaemons('/v1/dumps', mountpoint);
  const listings: DaemonListing[] = [];
  const failures: CommandError[] = [];
  for (const { answer } of daemons) {
    const listing = answer instanceof CommandError ? answer : listingIn(answer);
    if (listing instanceof CommandError) failures.push(listing);
    else listings.push(listing);
  }
  return { daemons, listings, failures };
}

/**
 * Asks the daemon at `mountpoint`, or the only one that answers.
 *
 * @throws CommandError also when none does, several do, or its mount is not to be seen here
 */
export async function listingOfDaemon(mountpoint: string | undefined): Promise<DaemonListing> {
  const listing = listingIn(onlyDaemon(await askDaemons('/v1/dumps', mountpoint)).answer);
  if (listing instanceof CommandError) throw listing;
  assertMounted(listing.mountpoint);
  return listing;
}

/** @returns a failure with status `lockedDown` while nothing may be told, `failed` where the daemon refuses */
function listingIn(response: ControlResponse): DaemonListing | CommandError {
  switch (response.kind) {
    case 'dumps':
      return response;
    case 'locked':
      return new CommandError(EXIT.lockedDown, `locked down, no dump may be shown at ${response.mountpoint}`);
    case 'error':
      return new CommandError(EXIT.failed, `the daemon refused: ${response.message}`);
    case 'status':
    case 'dump':
      return new CommandError(EXIT.failed, 'the daemon answered another question');
  }
}

/** What is read and removed below a path has to be ours, whoever named the path. @throws CommandError */
function assertMounted(mountpoint: string): void {
  if (passedDescriptor(mountpoint) !== undefined)
    throw new CommandError(
      EXIT.failed,
      `${mountpoint} was mounted by another program: copy from its mount point`,
    );
  if (mountsAt(mountpoint).at(-1)?.fstype !== OWN_FSTYPE)
    throw new CommandError(
      EXIT.failed,
      `the daemon serves ${mountpoint}, where no platdumpfs is to be seen from here`,
    );
}
