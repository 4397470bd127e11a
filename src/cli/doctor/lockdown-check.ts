import { silentLogger } from '../../base/log.js';
import type { LockdownLevel } from '../../lockdown/index.js';
import { KERNEL_LOCKDOWN_FILE, openLockdownGate, readLockdownLevel } from '../../lockdown/index.js';
import { EXIT } from '../exit-status.js';
import { integrityEffect } from '../../source/index.js';
import type { Settings } from '../options/option-table.js';
import type { UsableSource } from './firmware-checks.js';
import type { Finding } from './finding.js';
import { reasonOf } from './finding.js';

const check = 'lockdown';

/** The level, what it means for the source that a mount would use, and whether a mount would start. */
export async function checkLockdown(settings: Settings, source: UsableSource | undefined): Promise<Finding> {
  const { lockdown: mode, lockdownFile: path } = settings;
  const requireKnown = source?.definition.isReal !== false;
  try {
    await using gate = await openLockdownGate({ mode, path, requireKnown, log: silentLogger });
    if (gate.locked())
      return {
        check,
        status: 'fail',
        finding: `locked down, no dump may be shown: ${gate.reason}`,
        remedy: 'only a reboot with a lower level (lockdown= of the kernel command line) shows them again',
        exitStatus: EXIT.lockedDown,
      };
    const { level } = gate;
    if (level === 'ignored') return ignored(await readLevel(path ?? KERNEL_LOCKDOWN_FILE));
    return meaningOf(level, source);
  } catch (error) {
    return { check, status: 'fail', finding: reasonOf(error) };
  }
}

/** Undefined: not known. */
async function readLevel(path: string): Promise<LockdownLevel | undefined> {
  const reading = await readLockdownLevel(path);
  return reading.kind === 'level' ? reading.level : undefined;
}

function ignored(level: LockdownLevel | undefined): Finding {
  return {
    check,
    status: 'warn',
    finding: `the level is ${level ?? 'unknown'}, and --lockdown=ignore shows dumps at every level`,
    remedy: 'leave the option out',
  };
}

/** @param level at which the gate is open */
function meaningOf(level: LockdownLevel | undefined, source: UsableSource | undefined): Finding {
  if (level === undefined) return noLevel(source);
  if (level !== 'integrity') return { check, status: 'ok', finding: `the level is ${level}` };
  if (source === undefined) return { check, status: 'ok', finding: 'the level is integrity' };
  const { works, text } = integrityEffect(source.definition);
  return { check, status: works ? 'ok' : 'fail', finding: `the level is integrity: ${text}` };
}

function noLevel(source: UsableSource | undefined): Finding {
  if (source?.definition.isReal !== false)
    return { check, status: 'ok', finding: 'this kernel has no lockdown' };
  return {
    check,
    status: 'note',
    finding: `${KERNEL_LOCKDOWN_FILE} is not there, which simulated dumps do not need`,
  };
}
