import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Logger } from '../base/log.js';
import type { ExplainedGate } from './gate.js';
import type { LevelReading } from './level-file.js';
import { LevelGate } from './level-gate.js';
import { LevelWatch } from './level-watch.js';
import { liesInSecurityfs } from './securityfs.js';

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
  readonly system?: {
    readonly lockdownFile?: string;
    readonly mountinfo?: string;
    readonly ownType?: number;
  };
}

/** @throws Error where the level has to be known and is not; the message says what to do */
export async function openLockdownGate(options: LockdownGateOptions): Promise<ExplainedGate> {
  const { watchIntervalMs: intervalMs = DEFAULT_WATCH_INTERVAL_MS } = options;
  if (options.mode === 'ignore') {
    options.log.warn('kernel lockdown is ignored as told: dumps stay readable at every level');
    return OPEN_GATE;
  }
  const path = options.path ?? options.system?.lockdownFile ?? KERNEL_LOCKDOWN_FILE;
  const watch = new LevelWatch({ path, intervalMs, ownType: options.system?.ownType });
  try {
    const { kind } = await watch.first();
    if (kind === 'absent') acceptAbsence(path, options);
    return new LevelGate({ watch, path, absentIsOpen: kind === 'absent', log: options.log });
  } catch (error) {
    await watch[Symbol.asyncDispose]();
    throw error;
  }
}

/** Looks once at what a file says. */
export async function readLockdownLevel(path: string): Promise<LevelReading> {
  await using watch = new LevelWatch({ path, intervalMs: DEFAULT_WATCH_INTERVAL_MS });
  return await watch.first();
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
      'kernel lockdown level is unknown: securityfs is not mounted; ' +
        `in a container bind the host's, the whole directory (-v ${dirname(path)}:${dirname(path)}:ro), ` +
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
  onRise: () => undefined,
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
