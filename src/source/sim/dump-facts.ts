import type { DumpTag } from '../../base/tag.js';
import type { ChunkRange, Fault, SideFile } from './side-file.js';
import { NO_SIDE_FILE } from './side-file.js';

/** A file whose bytes are a dump, and how to recognise that it still is that file. */
export interface FileIdentity {
  readonly path: string;
  readonly size: number;
  readonly ino: number;
  readonly mtimeMs: number;
}

/** Where a simulated dump's bytes come from. */
export type ContentSpec =
  { readonly kind: 'generated'; readonly size: number } | ({ readonly kind: 'file' } & FileIdentity);

/** All that a thread has to know to play firmware for one dump. Structured-cloneable. */
export interface DumpFacts {
  readonly tag: DumpTag;
  /** `null`: a tag that firmware never announced. */
  readonly content: ContentSpec | null;
  /** Differs when the tag came back as another dump. */
  readonly incarnation: number;
  readonly latencyUs?: number | undefined;
  readonly chunk?: ChunkRange | undefined;
  readonly faults: readonly Fault[];
  /** Where the transfer stands, shared by all threads; see `DumpRecord`. */
  readonly record: SharedArrayBuffer;
  /** The tag's handle of `/dev/papr-platform-dump`, shared by all threads; see `SimPaprDevice`. */
  readonly handle: SharedArrayBuffer;
}

export function createHandleMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(BigUint64Array.BYTES_PER_ELEMENT + 3 * Int32Array.BYTES_PER_ELEMENT);
}

/** @param handle belongs to the tag, so it outlives an incarnation */
export function createDumpFacts(
  tag: DumpTag,
  content: ContentSpec | null,
  options: { incarnation?: number; side?: SideFile; handle?: SharedArrayBuffer } = {},
): DumpFacts {
  const { incarnation = 1, side = NO_SIDE_FILE, handle = createHandleMemory() } = options;
  const { latencyUs, chunk, faults } = side;
  return {
    tag,
    content,
    incarnation,
    latencyUs,
    chunk,
    faults,
    record: createDumpRecord(faults.length),
    handle,
  };
}

/** Whether firmware still has the dump. */
const PRESENCE = { here: 0, invalidated: 1, vanished: 2 } as const;

const PRESENCE_CELL = 0;
const TRANSFERS_CELL = 1;
const FAULT_CELLS = 4;
/** Two 64-bit words stand before the cells: highest offset handed out, last sequence handed out. */
const WORD_BYTES = 16;

function createDumpRecord(faults: number): SharedArrayBuffer {
  return new SharedArrayBuffer(WORD_BYTES + (FAULT_CELLS + faults) * Int32Array.BYTES_PER_ELEMENT);
}

/**
 * What firmware remembers of one dump between calls, in memory that all threads share.
 *
 * Calls for one dump come one after the other: whoever reads it holds its handle, or is its only reader. So plain loads
 * and stores do for everything but the presence.
 */
export class DumpRecord {
  readonly #highest: Float64Array<SharedArrayBuffer>;
  readonly #last: BigUint64Array<SharedArrayBuffer>;
  readonly #cells: Int32Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer) {
    this.#highest = new Float64Array(buffer, 0, 1);
    this.#last = new BigUint64Array(buffer, 8, 1);
    this.#cells = new Int32Array(buffer, WORD_BYTES);
  }

  get present(): boolean {
    return Atomics.load(this.#cells, PRESENCE_CELL) === PRESENCE.here;
  }

  /** @returns false when the dump had gone before */
  leave(why: 'invalidated' | 'vanished'): boolean {
    return (
      Atomics.compareExchange(this.#cells, PRESENCE_CELL, PRESENCE.here, PRESENCE[why]) === PRESENCE.here
    );
  }

  /** How many transfers have begun. */
  get transfers(): number {
    return this.#cells[TRANSFERS_CELL] ?? 0;
  }

  set transfers(count: number) {
    this.#cells[TRANSFERS_CELL] = count;
  }

  /** Greatest offset for which a sequence was handed out, in bytes. */
  get highestOffset(): number {
    return this.#highest[0] ?? 0;
  }

  /** The sequence handed out last; 0 when none continues. */
  get lastSequence(): bigint {
    return this.#last[0] ?? 0n;
  }

  handOut(sequence: bigint, offset: number): void {
    this.#last[0] = sequence;
    if (offset > this.highestOffset) this.#highest[0] = offset;
  }

  endTransfer(): void {
    this.#last[0] = 0n;
  }

  /** How often fault number `index` has struck. */
  faultUses(index: number): number {
    return this.#cells[FAULT_CELLS + index] ?? 0;
  }

  useFault(index: number): void {
    this.#cells[FAULT_CELLS + index] = this.faultUses(index) + 1;
  }
}
