import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../../base/log.js';
import { trySpoolDirectory } from '../../memory/index.js';
import type { DumpSource } from '../../source/index.js';
import { CommandError, EXIT } from '../exit-status.js';
import type { Settings } from '../options/option-table.js';
import { ensurePrivateDirectory } from '../runtime-directory.js';

/** Where encrypted copies of dumps go while the daemon runs. */
export interface SpoolChoice {
  readonly directory: string;
  readonly quotaBytes: number;
}

/**
 * Decides on the spool: `auto` takes one where the source can only start over, if there is a private place for it.
 *
 * @throws CommandError when a directory was asked for that cannot be used
 */
export function chooseSpool(settings: Settings, source: DumpSource, log: Logger): SpoolChoice | undefined {
  const { spool } = settings;
  const directory = spoolDirectory(settings, source);
  if (directory === undefined) return undefined;
  try {
    ensurePrivateDirectory(directory);
    trySpoolDirectory(directory);
    return { directory, quotaBytes: settings.spoolSize };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (spool !== 'auto') throw new CommandError(EXIT.failed, `--spool ${directory} cannot be used: ${why}`);
    log.warn('no spool: dumps larger than the cache are read from firmware again', { directory, why });
    return undefined;
  }
}

/** Where the spool would be; undefined: none is wanted. Touches nothing. */
export function spoolDirectory(
  { spool }: Settings,
  { resumable }: Pick<DumpSource, 'resumable'>,
): string | undefined {
  if (spool === 'none' || (spool === 'auto' && resumable)) return undefined;
  return spool === 'auto' ? cacheDirectory() : spool;
}

/** @see systemd.exec(5) for CACHE_DIRECTORY (may be a list), the XDG Base Directory specification for the last */
function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const [given] = (env['CACHE_DIRECTORY'] ?? '').split(':');
  if (given) return given;
  if (process.getuid?.() === 0) return '/var/cache/platdumpfs';
  return join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'platdumpfs');
}
