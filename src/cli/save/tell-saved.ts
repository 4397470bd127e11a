import { askDaemon } from '../control/control-client.js';
import { CommandError, EXIT } from '../exit-status.js';
import { listingOfDaemon } from '../query/daemon-listing.js';
import { askDaemons, onlyDaemon } from '../query/running-daemons.js';
import type { SavedDump } from './save-dump.js';

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
