import type { DumpStore } from '../dump/index.js';
import type { ExplainedGate } from '../lockdown/index.js';
import type { ControlAnswer } from './control-server.js';
import type { ListedDump } from './listing.js';
import { listedFromSummary, shownAtEveryLevel, sortListing } from './listing.js';

/** What a daemon tells over its control socket: the lockdown gate stands here, too. */
export function answerControl(mountpoint: string, store: DumpStore, gate: ExplainedGate): ControlAnswer {
  return () => {
    if (gate.locked()) return { kind: 'locked', mountpoint };
    return { kind: 'dumps', mountpoint, dumps: listedByDaemon(store, gate) };
  };
}

/** What may be told of the dumps: nothing while they are hidden. */
export function listedByDaemon(store: DumpStore, gate: ExplainedGate): readonly ListedDump[] {
  if (gate.locked()) return [];
  const dumps = sortListing(store.list().map(listedFromSummary));
  return gate.level === 'ignored' ? shownAtEveryLevel(dumps) : dumps;
}
