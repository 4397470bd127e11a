import type { DumpTag } from '../base/tag.js';
import type { KnownBytes } from '../transfer/index.js';
import type { DumpSize, LostReason } from './dump.js';

/** What a daemon hands over of a dump to the one that goes on with its mount. Without a byte of it. */
export interface HandedDump {
  readonly serial: number;
  readonly tag: DumpTag;
  readonly announcedAtMs: number;
  /** As far as it was shown. */
  readonly size: DumpSize | undefined;
  /** By what firmware's dump is known to be the same. */
  readonly known: KnownBytes | undefined;
  /** Starts and ends of what readers have received, in turn and ascending. */
  readonly delivered: readonly number[];
  readonly isSaved: boolean;
  /** It was unlinked while open, and firmware has not been told. */
  readonly isUnlinked: boolean;
  readonly lost: LostReason | undefined;
}

/** Readers that jump about leave many ranges: of so many the rest is not worth a longer file. */
const MOST_EDGES = 2000;

export function handedEdges(edges: readonly number[]): readonly number[] {
  return edges.slice(0, MOST_EDGES);
}
