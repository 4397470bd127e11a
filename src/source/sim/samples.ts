import type { DumpTag } from '../../base/tag.js';
import { dumpTag } from '../../base/tag.js';

export interface SampleDump {
  readonly tag: DumpTag;
  /** Bytes. */
  readonly size: number;
  /** Whether the size was announced; if not, the dump's own directory tells it. */
  readonly sizeAnnounced: boolean;
}

/** What the simulated hypervisor holds when nobody says what it should hold. */
export const SAMPLE_DUMPS: readonly SampleDump[] = [
  { tag: dumpTag(0x0000_0001_0100_0002n), size: 5_182_368, sizeAnnounced: true },
  { tag: dumpTag(0x0000_0002_0000_0001n), size: 50_335_745, sizeAnnounced: true },
  { tag: dumpTag(0x0000_0003_0000_0001n), size: 1_048_589, sizeAnnounced: true },
  { tag: dumpTag(0x0000_0007_0000_0001n), size: 300_007, sizeAnnounced: false },
];
