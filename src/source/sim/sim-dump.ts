import type { DumpTag } from '../../base/tag.js';
import type { ContentSpec, DumpFacts } from './dump-facts.js';
import { DumpRecord } from './dump-record.js';
import { FaultPlan } from './fault-plan.js';
import type { FileOutcome } from './file-content.js';
import { FileContent } from './file-content.js';
import { GeneratedContent } from './generated-content.js';
import { highWord, lowWord, mix32 } from './mix.js';
import { SequenceCodec, transferNumber } from './sequence.js';

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
