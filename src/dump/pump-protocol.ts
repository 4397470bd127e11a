import type { DumpTag } from '../base/tag.js';
import type { DriverSpec, ResumePoint, SourceErrorData } from '../source/index.js';
import type { StartPoint } from './sequence-index.js';

/** What the store's thread asks of a pump thread. Commands are carried out in order, one at a time. */
export type PumpCommand =
  /** Starts a pass; an open cursor is closed first. */
  | {
      readonly op: 'open';
      readonly tag: DumpTag;
      readonly resume: ResumePoint;
      readonly offset: number;
      readonly detail: unknown;
    }
  /**
   * Reads on from the current offset to the end of the last block, or until `stopAt` is reached. `slots[0]` belongs to the block in which the
   * current offset lies; `NO_SLOT` means: read past it.
   */
  | {
      readonly op: 'fill';
      readonly epoch: number;
      readonly firstBlock: number;
      readonly slots: readonly number[];
      readonly stopAt: number;
    }
  | { readonly op: 'invalidate' }
  | { readonly op: 'close' };

export type PumpEvent =
  | { readonly op: 'opened' }
  | { readonly op: 'open-failed'; readonly error: SourceErrorData }
  /** The position passed `Control.wakeAt`. */
  | { readonly op: 'progress' }
  /** A fill ended: its blocks are filled up to `position`, or it was skipped because its epoch is over. */
  | { readonly op: 'filled'; readonly position: number; readonly points: readonly StartPoint[] }
  /** Firmware said that the dump ends at `position`. Precedes the `filled` of the same command. */
  | { readonly op: 'end'; readonly position: number }
  /** A call failed at `position`, which has not moved. Precedes the `filled`; later fills of the epoch are skipped. */
  | { readonly op: 'failed'; readonly position: number; readonly error: SourceErrorData }
  | { readonly op: 'invalidated' }
  | { readonly op: 'invalidate-failed'; readonly error: SourceErrorData }
  | { readonly op: 'closed' };

export interface PumpThreadData {
  readonly driver: DriverSpec;
  readonly slabs: readonly SharedArrayBuffer[];
  readonly control: SharedArrayBuffer;
}

/** Places of 32-bit words. An offset takes two. */
const POSITION = 0;
const WAKE_AT = 2;
/** 1: somebody wants to be told when `WAKE_AT` is reached. */
const WAKE_WANTED = 4;
const EPOCH = 5;
const CONTROL_WORDS = 6;

/** The few words that both sides touch while a fill runs. */
export class Control {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #position: SharedOffset;
  readonly #wakeAt: SharedOffset;

  /** @param buffer the one of the other side; absent: this side makes it */
  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT);
    this.#words = new Int32Array(this.buffer);
    this.#position = new SharedOffset(this.#words, POSITION);
    this.#wakeAt = new SharedOffset(this.#words, WAKE_AT);
  }

  /** Offset up to which the current pass has handed over bytes. */
  get position(): number {
    return this.#position.load();
  }

  set position(offset: number) {
    this.#position.store(offset);
  }

  /** Asks for one `progress` event once the position reaches `offset`; undefined: none wanted. */
  wakeAt(offset: number | undefined): void {
    Atomics.store(this.#words, WAKE_WANTED, 0);
    if (offset === undefined) return;
    this.#wakeAt.store(offset);
    Atomics.store(this.#words, WAKE_WANTED, 1);
  }

  /** True once per `wakeAt`, when `offset` has reached it. */
  takeWake(offset: number): boolean {
    if (Atomics.load(this.#words, WAKE_WANTED) === 0 || offset < this.#wakeAt.load()) return false;
    return Atomics.exchange(this.#words, WAKE_WANTED, 0) === 1;
  }

  /** Fills of another epoch are skipped, the running one ends after its current call. */
  get epoch(): number {
    return Atomics.load(this.#words, EPOCH);
  }

  /** Ends the current epoch. @returns the new one */
  nextEpoch(): number {
    return Atomics.add(this.#words, EPOCH, 1) + 1;
  }
}

const LOW_VALUES = 2 ** 31;
const CHANGING = -1;

/**
 * An offset in two 32-bit words: one of 64 bits is a BigInt, made anew for each firmware call and looked at with four
 * times the effort. One side stores, the other loads. While the high word changes it says so, and who loads tries again.
 */
class SharedOffset {
  readonly #words: Int32Array;
  readonly #high: number;
  readonly #low: number;

  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#high = at;
    this.#low = at + 1;
  }

  store(offset: number): void {
    const high = Math.floor(offset / LOW_VALUES);
    const low = offset % LOW_VALUES;
    const isSame = Atomics.load(this.#words, this.#high) === high;
    if (!isSame) Atomics.store(this.#words, this.#high, CHANGING);
    Atomics.store(this.#words, this.#low, low);
    if (!isSame) Atomics.store(this.#words, this.#high, high);
  }

  load(): number {
    for (;;) {
      const high = Atomics.load(this.#words, this.#high);
      const low = Atomics.load(this.#words, this.#low);
      if (high !== CHANGING && Atomics.load(this.#words, this.#high) === high) return high * LOW_VALUES + low;
    }
  }
}
