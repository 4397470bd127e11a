import { resolve } from 'node:path';
import { createLogger } from '../../base/log.js';
import { mountsAt, resolveMountpoint, unmountOrDetach } from '../../fuse/index.js';
import { CommandError, EXIT, usageError } from '../exit-status.js';
import { logOptions } from '../options/log-settings.js';
import type { ParsedOptions } from '../options/parse-options.js';

export async function umountCommand({ settings, positionals }: ParsedOptions): Promise<number> {
  const [named, ...rest] = positionals;
  if (named === undefined || rest.length > 0)
    throw usageError(`umount takes one MOUNTPOINT, got ${positionals.length} arguments`);
  const path = resolve(named);
  // A path that leads nowhere has no mount on it, and that is said below.
  const mountpoint = await resolveMountpoint(path).catch(() => path);
  if (mountsAt(mountpoint).length === 0)
    throw new CommandError(EXIT.failed, `nothing is mounted at ${mountpoint}`);
  try {
    await unmountOrDetach(mountpoint, settings.unmountTimeout, createLogger(logOptions(settings)));
  } catch (error) {
    throw new CommandError(EXIT.failed, (error as Error).message);
  }
  return EXIT.done;
}
