import type { DumpTag } from '../../base/tag.js';
import type { ContentSpec, DumpFacts } from './dump-facts.js';
import { DumpRecord } from './dump-facts.js';
import type { FileOutcome } from './file-content.js';
import { FileContent } from './file-content.js';
import { GeneratedContent } from './generated-content.js';
import { highWord, lowWord, mix32 } from './mix.js';
import { SequenceCodec, transferNumber } from './sequence.js';
import type { Fault } from './side-file.js';

/** One thread's view of one dump that firmware knows: its bytes, its layout and the shared record. */
export class SimDump implements Disposable {
  readonly size: number;
  readonly record: DumpRecord;
  readonly faults: FaultPlan;
  readonly latencyUs: number | undefined;
  readonly #tag: DumpTag;
  readonly #content: FileContent | GeneratedContent;
  readonly #codec: SequenceCodec;
  readonly #chunkMin: number;
  readonly #chunkSpread: number;

  constructor(facts: DumpFacts, content: ContentSpec) {
    this.#tag = facts.tag;
    this.#content =
      content.kind === 'file' ? new FileContent(content) : new GeneratedContent(facts.tag, content.size);
    this.size = content.size;
    this.record = new DumpRecord(facts.record);
    this.faults = new FaultPlan(facts.faults);
    this.latencyUs = facts.latencyUs;
    this.#codec = new SequenceCodec(facts.tag, facts.incarnation);
    const [min, max] = facts.chunk ?? [Infinity, Infinity];
    this.#chunkMin = min;
    this.#chunkSpread = min === max ? 0 : max - min + 1;
  }

  /** Looks whether the dump is still there to begin a transfer of it. */
  begin(): FileOutcome {
    return this.#content instanceof FileContent ? this.#content.begin() : 'ok';
  }

  read(offset: number, into: Uint8Array, length: number): FileOutcome {
    if (this.#content instanceof FileContent) return this.#content.read(offset, into, length);
    this.#content.read(offset, into, length);
    return 'ok';
  }

  invalidate(): FileOutcome {
    return this.#content instanceof FileContent ? this.#content.invalidate() : 'ok';
  }

  /** Bytes that the call at `offset` hands over into a buffer of `capacity`. */
  chunkAt(offset: number, capacity: number): number {
    const spread = this.#chunkSpread;
    const noise =
      spread === 0 ? 0 : mix32(lowWord(offset), highWord(offset) ^ lowWord(Number(this.#tag))) % spread;
    const end = Math.min(this.size, this.faults.nextFrom(offset + 1));
    return Math.min(capacity, this.#chunkMin + noise, end - offset);
  }

  /** The sequence number that continues the present transfer at `offset`; remembered as handed out. */
  handOut(offset: number): bigint {
    const sequence = this.#codec.encode(transferNumber(this.record.transfers), offset);
    this.record.handOut(sequence, offset);
    return sequence;
  }

  /** Where the given sequence continues, if this dump can have handed it out. */
  offsetOf(sequence: bigint): number | undefined {
    const point = this.#codec.decode(sequence);
    if (point === undefined) return undefined;
    const known = point.transfer <= this.record.transfers && point.offset <= this.record.highestOffset;
    return known ? point.offset : undefined;
  }

  [Symbol.dispose](): void {
    if (this.#content instanceof FileContent) this.#content[Symbol.dispose]();
  }
}

/** The faults of one dump by place: which one strikes now, and where the next one waits. */
class FaultPlan {
  readonly #faults: readonly Fault[];
  readonly #places: readonly number[];

  constructor(faults: readonly Fault[]) {
    this.#faults = faults;
    const places = faults.flatMap(({ at }) => (typeof at === 'number' ? [at] : []));
    this.#places = [...new Set(places)].sort((a, b) => a - b);
  }

  /** Whether a call of its own begins at `offset` for a fault's sake. Stays so after the fault is used up. */
  has(offset: number): boolean {
    return offset === this.nextFrom(offset);
  }

  /** The first place of a fault at or behind `offset`, `Infinity` when there is none. */
  nextFrom(offset: number): number {
    let low = 0;
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#places[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return this.#places[low] ?? Infinity;
  }

  /** The status that the call at this place is answered with, counted as used; absent: the call goes through. */
  strike(at: Fault['at'], record: DumpRecord): number | undefined {
    if (at !== 'invalidate' && !this.has(at)) return undefined;
    const index = this.#faults.findIndex((fault, i) => fault.at === at && record.faultUses(i) < fault.times);
    if (index < 0) return undefined;
    record.useFault(index);
    return this.#faults[index]?.status;
  }
}
