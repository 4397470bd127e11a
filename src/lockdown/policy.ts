import type { LockdownLevel } from './level.js';

/** What a level of kernel lockdown leaves possible. */
export interface Allowed {
  /** To list, read and remove dumps. They hold memory of other partitions, which is what the highest level protects. */
  readonly dumps: boolean;
  /** To open /dev/mem (LOCKDOWN_DEV_MEM of include/linux/security.h), by which an older librtas reads dumps. */
  readonly physicalMemory: boolean;
}

const POLICY: Readonly<Record<LockdownLevel, Allowed>> = {
  none: { dumps: true, physicalMemory: true },
  integrity: { dumps: true, physicalMemory: false },
  confidentiality: { dumps: false, physicalMemory: false },
};

/** @param level undefined: nobody could read it, which counts as the highest */
export function allowedAt(level: LockdownLevel | undefined): Allowed {
  return POLICY[level ?? 'confidentiality'];
}
