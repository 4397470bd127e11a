import type { DumpStore } from '../dump/index.js';
import type { LockdownGate } from '../lockdown/index.js';
import type { ControlAnswer } from './control-server.js';
import { listedFromSummary, sortListing } from './listing.js';

/** What a daemon tells over its control socket: the lockdown gate stands here, too. */
export function answerControl(mountpoint: string, store: DumpStore, gate: LockdownGate): ControlAnswer {
  return () => {
    if (gate.locked()) return { kind: 'locked', mountpoint };
    return { kind: 'dumps', mountpoint, dumps: sortListing(store.list().map(listedFromSummary)) };
  };
}
