import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadKoffi } from '../../base/koffi.js';
import { pageSize } from '../../base/page-size.js';
import { printable } from '../../base/printable.js';
import { formatSize } from '../../base/size.js';
import { spoolDirectory } from '../mount/choose-spool.js';
import type { Settings } from '../options/option-table.js';
import { checkPrivateDirectory } from '../runtime-directory.js';
import type { UsableSource } from './firmware-checks.js';
import type { Finding } from './finding.js';
import { reasonOf } from './finding.js';

/** Dumps of 3 GB are seen in the field. */
const ROOM_FOR_A_DUMP_BYTES = 4 * 1024 ** 3;

export function checkPageSize(bytes = pageSize()): Finding {
  return {
    check: 'page-size',
    status: 'ok',
    finding: `${formatSize(bytes)}; requests follow what is negotiated`,
  };
}

/** Whether there is a private place for encrypted copies, with room. Makes no directory. */
export function checkSpool(settings: Settings, source: UsableSource | undefined): Finding {
  const check = 'spool';
  const directory = spoolDirectory(settings, source?.abilities ?? { resumable: true });
  if (directory === undefined)
    return {
      check,
      status: 'ok',
      finding: `none: ${settings.spool === 'none' ? 'as told' : 'the source resumes'}`,
    };
  try {
    const place = nearestExisting(directory);
    if (place === directory) checkPrivateDirectory(directory);
    accessSync(place, constants.W_OK | constants.X_OK);
    return roomFor(directory, place, settings.spoolSize);
  } catch (error) {
    return {
      check,
      // A mount goes on without one that nobody asked for.
      status: settings.spool === 'auto' ? 'warn' : 'fail',
      finding: `${directory} cannot be used: ${reasonOf(error)}`,
      remedy: 'name a private directory with --spool, or use --spool=none',
    };
  }
}

function roomFor(directory: string, place: string, spoolSize: number): Finding {
  const { bavail, bsize } = statfsSync(place);
  const freeBytes = bavail * bsize;
  const finding = `${directory} can be used, ${formatSize(freeBytes)} are free`;
  if (freeBytes >= Math.min(spoolSize, ROOM_FOR_A_DUMP_BYTES))
    return { check: 'spool', status: 'ok', finding };
  const remedy =
    'dumps that do not fit are read from firmware again: make room, or name another place with --spool';
  return { check: 'spool', status: 'warn', finding, remedy };
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}

/** Memory of the daemon that reaches a disk outlives lockdown. @param proc for tests */
export function checkSwap(source: UsableSource | undefined, proc = '/proc'): Finding {
  const check = 'swap';
  const areas = linesOf(join(proc, 'swaps'))
    .slice(1)
    .map((line) => line.split(/\s/)[0] ?? '')
    .filter((name) => name !== '' && !name.startsWith('/dev/zram'));
  if (areas.length === 0)
    return { check, status: 'ok', finding: 'no bytes of dumps can be swapped to a disk' };
  return {
    check,
    status: source?.definition.isReal === false ? 'note' : 'warn',
    finding: `bytes of dumps in memory may be swapped to ${areas.join(', ')}`,
    remedy: 'encrypt it, or run the daemon with MemorySwapMax=0 as packaging/systemd does',
  };
}

/** How the daemon can keep itself from leaving a core: by both ways, by a limit alone, or not at all. */
export type CoreProtection = 'closed' | 'limited' | 'none';

/** @param proc, protection for tests */
export function checkCoreDumps(
  source: UsableSource | undefined,
  proc = '/proc',
  protection = coreProtection(),
): Finding {
  const check = 'core-dumps';
  const pattern = linesOf(join(proc, 'sys/kernel/core_pattern'))[0] ?? '';
  const inherited = coreLimitIn(linesOf(join(proc, 'self/limits')));
  const goesTo = placeOfCores(pattern);
  if (protection === 'closed')
    return { check, status: 'ok', finding: `a daemon leaves no core, though cores go to ${goesTo} here` };
  // The kernel lets a program have a core of any size but this one (fs/coredump.c).
  const isStopped =
    protection === 'limited' || inherited === '1' || (inherited === '0' && !goesElsewhere(pattern));
  if (isStopped && !pattern.startsWith('@'))
    return {
      check,
      status: 'ok',
      finding: `cores go to ${goesTo} here; a limit of 1 byte stops the daemon's`,
    };
  return {
    check,
    status: source?.definition.isReal === false ? 'note' : 'warn',
    finding: `a daemon that crashes may leave a core with bytes of dumps: cores go to ${goesTo} here`,
    remedy:
      'install the optional package koffi, or start it with a core limit of exactly 1 byte, as packaging/systemd does ' +
      '(LimitCORE=1; of 0 a program that takes cores knows nothing)',
  };
}

function coreProtection(): CoreProtection {
  try {
    loadKoffi();
    return 'closed';
  } catch {
    return spawnSync('prlimit', ['--version'], { stdio: 'ignore' }).status === 0 ? 'limited' : 'none';
  }
}

function coreLimitIn(limits: readonly string[]): string | undefined {
  return limits.flatMap((line) => /^Max core file size\s+(\S+)/.exec(line)?.[1] ?? [])[0];
}

function goesElsewhere(pattern: string): boolean {
  return pattern.startsWith('|') || pattern.startsWith('@');
}

function placeOfCores(pattern: string): string {
  if (pattern.startsWith('|')) return `a program (${printable(pattern.slice(1).split(' ')[0] ?? '')})`;
  return pattern.startsWith('@') ? 'a socket' : 'files';
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}
