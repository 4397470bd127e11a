import { OWN_FSTYPE, mountsAt, probeMount, resolveMountpoint } from '../../fuse/index.js';
import type { ControlResponse } from '../control/control-protocol.js';
import { CommandError, EXIT } from '../exit-status.js';
import type { ListedDump } from './listed-dump.js';
import { passedDescriptor } from '../mount/mount-request.js';
import { listedFromMount } from './mount-listing.js';
import type { Answered, AskedDaemon } from './running-daemons.js';
import { NobodyServes, askDaemons, nobodyRuns, onlyDaemon, placeHere, worstOf } from './running-daemons.js';

/** What a daemon serves, and where. */
export interface DaemonListing {
  readonly mountpoint: string;
  readonly dumps: readonly ListedDump[];
}

/** What those say that may tell, and why others do not. */
export interface DaemonListings {
  readonly daemons: readonly Answered[];
  readonly listings: readonly DaemonListing[];
  readonly failures: readonly CommandError[];
}

/**
 * Asks the daemon at `mountpoint`, or all that run. Where that daemon cannot be asked, its mount tells what it can.
 *
 * @throws CommandError where nobody serves `mountpoint`
 */
export async function listingsOfDaemons(mountpoint: string | undefined): Promise<DaemonListings> {
  try {
    return await toldListings(await askDaemons('/v1/dumps', mountpoint));
  } catch (error) {
    const listing = error instanceof NobodyServes ? await listingOfMount(mountpoint) : undefined;
    if (listing === undefined) throw error;
    const answer = { kind: 'dumps' as const, ...listing };
    return { daemons: [{ place: listing.mountpoint, answer }], listings: [listing], failures: [] };
  }
}

async function toldListings(daemons: readonly AskedDaemon[]): Promise<DaemonListings> {
  const listings: DaemonListing[] = [];
  const failures: CommandError[] = [];
  for (const daemon of daemons) {
    const listing = daemon.answer instanceof CommandError ? daemon.answer : listingIn(daemon.answer);
    if (listing instanceof CommandError) failures.push(listing);
    else listings.push({ ...listing, mountpoint: (await placeHere(daemon)) ?? listing.mountpoint });
  }
  return { daemons, listings, failures };
}

/** @returns undefined: there is no mount of ours that answers @throws CommandError where its files cannot be listed */
async function listingOfMount(mountpoint = ''): Promise<DaemonListing | undefined> {
  const path = await resolveMountpoint(mountpoint).catch(() => mountpoint);
  if (mountsAt(path).at(-1)?.fstype !== OWN_FSTYPE || (await probeMount(path)) === 'stale') return undefined;
  return { mountpoint: path, dumps: await listedFromMount(path) };
}

/**
 * Asks the daemon at `mountpoint`, or the only one that answers.
 *
 * @throws CommandError also when none does, several do, or its mount is not to be seen here
 */
export async function listingOfDaemon(mountpoint: string | undefined): Promise<DaemonListing> {
  const { daemons, listings, failures } = await listingsOfDaemons(mountpoint);
  if (daemons.length === 0) throw nobodyRuns();
  onlyDaemon(daemons);
  const [listing] = listings;
  if (listing === undefined) throw worstOf(failures) ?? nobodyRuns();
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
    case 'handover':
    case 'handed-over':
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
