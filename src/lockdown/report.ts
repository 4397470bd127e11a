import { readFileSync } from 'node:fs';
import type { LockdownLevel } from './level.js';
import { hidesDumps } from './level.js';
import { LevelFile } from './level-file.js';
import { KERNEL_LOCKDOWN_FILE } from './open-gate.js';
import { liesInSecurityfs } from './securityfs.js';

/** What the lockdown file says at this moment, for people. */
export interface LockdownReport {
  /** `absent`: this kernel has no lockdown. `unknown`: nobody can tell, as in a container without securityfs. */
  readonly level: LockdownLevel | 'absent' | 'unknown';
  /** A daemon that is started now, for real dumps, would not show any. */
  readonly hidesDumps: boolean;
  /** One line; where something is wrong, with what to do. */
  readonly text: string;
}

/** Reads the level once. Never throws. */
export function reportLockdown(path = KERNEL_LOCKDOWN_FILE, mountinfo?: string): LockdownReport {
  using file = new LevelFile(path);
  const reading = file.read();
  switch (reading.kind) {
    case 'level': {
      const { level } = reading;
      return { level, hidesDumps: hidesDumps(level), text: `kernel lockdown is at ${level}` };
    }
    case 'unreadable':
      return { level: 'unknown', hidesDumps: true, text: `counts as locked: ${path}: ${reading.reason}` };
    case 'absent':
      return liesInSecurityfs(path, mountinfo ?? readFileSync('/proc/self/mountinfo', 'utf8'))
        ? { level: 'absent', hidesDumps: false, text: 'this kernel has no lockdown' }
        : {
            level: 'unknown',
            hidesDumps: true,
            text: `kernel lockdown level is unknown: mount securityfs, or bind the host's ${path} into this container`,
          };
  }
}
