import { resolve } from 'node:path';
import { createLogger } from '../base/log.js';
import { mountsAt, resolveMountpoint, unmountOrDetach } from '../fuse/index.js';
import { CommandError, EXIT, usageError } from './exit-status.js';
import { logOptions } from './log-settings.js';
import type { ParsedOptions } from './parse-options.js';

export async function umountCommand({ settings, positionals }: ParsedOptions): Promise<number> {
  const [named, ...rest] = positionals;
  if (named === undefined || rest.length > 0)
    throw usageError(`umount takes one MOUNTPOINT, got ${positionals.length} arguments`);
  try {
    const mountpoint = await resolveMountpoint(resolve(named));
    if (mountsAt(mountpoint).length === 0) throw new Error(`nothing is mounted at ${mountpoint}`);
    await unmountOrDetach(mountpoint, settings.unmountTimeout, createLogger(logOptions(settings)));
  } catch (error) {
    throw new CommandError(EXIT.failed, (error as Error).message);
  }
  return EXIT.done;
}
