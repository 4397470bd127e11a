import { silentLogger } from '../../base/log.js';
import type { LevelReading } from '../../lockdown/index.js';
import { KERNEL_LOCKDOWN_FILE, LevelFile, openLockdownGate } from '../../lockdown/index.js';
import { EXIT } from '../exit-status.js';
import type { Settings } from '../option-table.js';
import { needsKnownLockdown } from '../select-source.js';
import type { UsableSource } from './firmware-checks.js';
import type { Finding } from './finding.js';
import { reasonOf } from './finding.js';

const check = 'lockdown';

/** The level, what it means for the source that a mount would use, and whether a mount would start. */
export function checkLockdown(settings: Settings, source: UsableSource | undefined): Finding {
  const { lockdown: mode, lockdownFile: path } = settings;
  const reading = readLevel(path ?? KERNEL_LOCKDOWN_FILE);
  const requireKnown = source === undefined || needsKnownLockdown(source);
  try {
    using gate = openLockdownGate({ mode, path, requireKnown, log: silentLogger });
    if (gate.locked())
      return {
        check,
        status: 'fail',
        finding: `locked down, no dump may be shown: ${gate.reason}`,
        remedy: 'only a reboot with a lower level (lockdown= of the kernel command line) shows them again',
        exitStatus: EXIT.lockedDown,
      };
    return mode === 'ignore' ? ignored(reading) : meaningOf(reading, source);
  } catch (error) {
    return { check, status: 'fail', finding: reasonOf(error) };
  }
}

function readLevel(path: string): LevelReading {
  using file = new LevelFile(path);
  return file.read();
}

function ignored(reading: LevelReading): Finding {
  const level = reading.kind === 'level' ? `the level is ${reading.level}` : 'the level is unknown';
  return {
    check,
    status: 'warn',
    finding: `${level}, and --lockdown=ignore shows dumps at every level`,
    remedy: 'leave the option out',
  };
}

/** @param reading of a level at which the gate is open */
function meaningOf(reading: LevelReading, source: UsableSource | undefined): Finding {
  if (reading.kind !== 'level') return noLevel(source);
  if (reading.level !== 'integrity') return { check, status: 'ok', finding: `the level is ${reading.level}` };
  if (source?.name === 'librtas')
    return {
      check,
      status: 'fail',
      finding:
        'the level is integrity: /dev/mem is closed, through which librtas reads; only removing would work',
      remedy: 'use a kernel with /dev/papr-platform-dump, or boot without lockdown',
    };
  return { check, status: 'ok', finding: 'the level is integrity: papr and opal can read, librtas cannot' };
}

function noLevel(source: UsableSource | undefined): Finding {
  if (source?.name !== 'sim') return { check, status: 'ok', finding: 'this kernel has no lockdown' };
  return {
    check,
    status: 'note',
    finding: `${KERNEL_LOCKDOWN_FILE} is not there, which simulated dumps do not need`,
  };
}
