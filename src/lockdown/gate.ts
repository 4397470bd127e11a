import type { LockdownLevel } from './level.js';

/** Says at every operation whether dumps may be shown. Fails closed, and never goes down while the process runs. */
export interface LockdownGate {
  /** Reads the level now. True: nothing of a dump may be reachable. */
  locked(): boolean;
  /** Called once, when the level is first seen at confidentiality. @returns function that ends the subscription */
  onRise(listener: () => void): () => void;
}

/** A gate that also says why it is locked, for the operator. */
export interface ExplainedGate extends LockdownGate, AsyncDisposable {
  /** As last read; `ignored` where the operator said so, undefined where nobody knows or the kernel has no lockdown. */
  readonly level: LockdownLevel | 'ignored' | undefined;
  /** Undefined while open. */
  readonly reason: string | undefined;
}
