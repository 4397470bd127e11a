import type { DumpStore } from '../../dump/index.js';
import type { ExplainedGate } from '../../lockdown/index.js';
import type { ListedDump } from '../query/listed-dump.js';
import { listedFromSummary, shownAtEveryLevel, sortListing } from '../query/listed-dump.js';

/** What may be told of the dumps: nothing while they are hidden. */
export function listedByDaemon(store: DumpStore, gate: ExplainedGate): readonly ListedDump[] {
  if (gate.locked()) return [];
  const dumps = sortListing(store.list().map(listedFromSummary));
  return gate.level === 'ignored' ? shownAtEveryLevel(dumps) : dumps;
}
