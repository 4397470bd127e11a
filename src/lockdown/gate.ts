import type { LockdownLevel } from './level.js';

/**
 * Says whether dumps may be shown. Fails closed, and never opens again while the process runs; but for a time in which
 * nobody could look, for want of descriptors.
 */
export interface LockdownGate {
  /** Looks at the level now. True: nothing of a dump may be reachable. */
  locked(): boolean;
}

/** The gate of a daemon: it also says why, and has somebody hide what is behind it. */
export interface ExplainedGate extends LockdownGate, AsyncDisposable {
  /** As last read; `ignored` where the operator said so, undefined where nobody knows or the kernel has no lockdown. */
  readonly level: LockdownLevel | 'ignored' | undefined;
  /** Undefined while open. */
  readonly reason: string | undefined;
  /** What is done when the level has risen: called once, within the look that finds it, or now if that was before. */
  onRise(hide: () => void): void;
}
