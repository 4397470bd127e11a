import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PLATFORM_LOG } from '../../announce/index.js';
import { spoolDirectory } from './choose-spool.js';
import { usageError } from '../exit-status.js';
import type { AnyOption } from '../options/option-kinds.js';
import { longName } from '../options/option-kinds.js';
import type { OptionKey, Settings } from '../options/option-table.js';
import { OPTIONS } from '../options/option-table.js';
import { runtimeDirectory } from '../runtime-directory.js';

/** What the daemon uses while it serves. */
interface Needed {
  /** As the message calls it. */
  readonly what: string;
  readonly path: string | undefined;
}

/** What the kernel shows, and the programs that mount and unmount. */
const OF_THE_SYSTEM = ['/dev', '/proc', '/sys', '/usr', '/bin', '/sbin'];

/** Root of this package: threads load their code when they are started. */
const PROGRAM = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * A daemon that needs a file below its own mount waits for itself, and neither SIGTERM nor SIGKILL ends that.
 *
 * @param mountpoint absolute, without symbolic links
 * @param isMounted Somebody has mounted there already, and nobody serves it yet: paths are compared as they are written,
 *   because to follow one into the mount would be such a wait.
 * @throws CommandError with status `usage`
 */
export function checkNotHidden(mountpoint: string, settings: Settings, isMounted = false): void {
  for (const { what, path } of needed(settings)) {
    if (path === undefined || !isAbsolute(path)) continue;
    if (isBelow(isMounted ? path : realPath(path), mountpoint))
      throw usageError(`${what} ${path} would be hidden by the mount at ${mountpoint}: mount elsewhere`);
  }
}

function needed(settings: Settings): readonly Needed[] {
  return [
    ...ofOptions(settings),
    { what: 'the log of rtas_errd', path: settings.events === 'off' ? undefined : PLATFORM_LOG },
    { what: 'the runtime directory', path: runtimeDirectory() },
    { what: 'the cache directory', path: spoolDirectory(settings, { resumable: false }) },
    { what: 'the program in', path: PROGRAM },
    { what: 'the interpreter', path: process.execPath },
    ...OF_THE_SYSTEM.map((path) => ({ what: 'the system directory', path })),
  ];
}

function ofOptions(settings: Settings): readonly Needed[] {
  const options = Object.entries(OPTIONS) as [OptionKey, AnyOption][];
  return options
    .filter(([, option]) => option.usedWhileServing === true)
    .map(([key]) => {
      const value = settings[key];
      return { what: `--${longName(key)}`, path: typeof value === 'string' ? value : undefined };
    });
}

function isBelow(path: string, directory: string): boolean {
  return directory === '/' || `${path}/`.startsWith(`${directory}/`);
}

/** As far as it exists. */
function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path === '/' ? path : join(realPath(dirname(path)), basename(path));
  }
}
