import { readFileSync } from 'node:fs';
import type { Logger } from '../base/log.js';
import type { ExplainedGate } from './gate.js';
import { LevelFile } from './level-file.js';
import { liesInSecurityfs } from './securityfs.js';
import { WatchedGate } from './watched-gate.js';

/** Where Linux shows the level once securityfs is mounted in its usual place. */
export const KERNEL_LOCKDOWN_FILE = '/sys/kernel/security/lockdown';

const DEFAULT_WATCH_INTERVAL_MS = 250;

export interface LockdownGateOptions {
  readonly mode: 'enforce' | 'ignore';
  /** File that says the level; a path that somebody chose has to exist. Absent: `KERNEL_LOCKDOWN_FILE`. */
  readonly path?: string | undefined;
  /** True: refuse to start while the level is unknown, as a source of real dumps demands. */
  readonly requireKnown: boolean;
  readonly watchIntervalMs?: number;
  readonly log: Logger;
  /** For tests: what `path` and /proc/self/mountinfo stand for otherwise. */
  readonly system?: { readonly lockdownFile: string; readonly mountinfo: string };
}

/** @throws Error where the level has to be known and is not; the message says what to do */
export function openLockdownGate(options: LockdownGateOptions): ExplainedGate {
  if (options.mode === 'ignore') {
    options.log.warn('kernel lockdown is ignored as told: dumps stay readable at every level');
    return OPEN_GATE;
  }
  const path = options.path ?? options.system?.lockdownFile ?? KERNEL_LOCKDOWN_FILE;
  const file = new LevelFile(path);
  const absent = file.read().kind === 'absent';
  try {
    if (absent) acceptAbsence(path, options);
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
  const watchIntervalMs = options.watchIntervalMs ?? DEFAULT_WATCH_INTERVAL_MS;
  return new WatchedGate({ file, absentIsOpen: absent, watchIntervalMs, log: options.log });
}

/** A missing file proves "no lockdown" inside a securityfs; elsewhere it leaves the level unknown. */
function acceptAbsence(path: string, options: LockdownGateOptions): void {
  const mountinfo = options.system?.mountinfo ?? readFileSync('/proc/self/mountinfo', 'utf8');
  if (liesInSecurityfs(path, mountinfo)) {
    options.log.debug('this kernel has no lockdown', { path });
    return;
  }
  if (options.path !== undefined) throw new Error(`lockdown file "${path}" does not exist`);
  if (options.requireKnown)
    throw new Error(
      `kernel lockdown level is unknown: securityfs is not mounted; bind the host's ${path} into this container, ` +
        'or say --lockdown=ignore',
    );
  options.log.warn(
    'kernel lockdown level is unknown: securityfs is not mounted; simulated dumps need no lockdown',
    {
      path,
    },
  );
}

const OPEN_GATE: ExplainedGate = {
  locked: () => false,
  level: 'ignored',
  reason: undefined,
  onRise: () => () => undefined,
  [Symbol.dispose]: () => undefined,
};
