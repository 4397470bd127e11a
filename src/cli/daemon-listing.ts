import type { ControlResponse } from './control/control-protocol.js';
import { CommandError, EXIT } from './exit-status.js';
import type { ListedDump } from './listing.js';
import { askDaemonAt, askOnlyDaemon } from './running-daemons.js';

/** What a daemon serves, and where. */
export interface DaemonListing {
  readonly mountpoint: string;
  readonly dumps: readonly ListedDump[];
}

/** @throws CommandError `lockedDown` while nothing may be told, `failed` where the daemon refuses */
export function listingIn(response: ControlResponse): DaemonListing {
  switch (response.kind) {
    case 'dumps':
      return response;
    case 'locked':
      throw new CommandError(EXIT.lockedDown, `locked down, no dump may be shown at ${response.mountpoint}`);
    case 'status':
    case 'dump':
      throw new CommandError(EXIT.failed, 'the daemon answered another question');
    case 'error':
      throw new CommandError(EXIT.failed, `the daemon refused: ${response.message}`);
  }
}

/**
 * Asks the daemon at `mountpoint`, or the only one that runs.
 *
 * @throws CommandError also when none runs, or several do
 */
export async function listingOfDaemon(mountpoint: string | undefined): Promise<DaemonListing> {
  const response = mountpoint === undefined ? await askOnlyDaemon() : await askDaemonAt(mountpoint);
  if (response === undefined) throw new CommandError(EXIT.failed, 'no platdumpfs of this user runs');
  return listingIn(response);
}
