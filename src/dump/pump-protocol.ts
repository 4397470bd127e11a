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

/** What a pump thread says before any event: everything is loaded. */
export const READY = { op: 'ready' } as const;

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

const CONTROL_BYTES = 24;
const POSITION = 0;
const WAKE_AT = 1;
const EPOCH = 4; // in 32-bit words, behind the two 64-bit ones

const NEVER = 0x7fff_ffff_ffff_ffffn;

/** The few words that both sides touch while a fill runs. */
export class Control {
  readonly buffer: SharedArrayBuffer;
  readonly #words: BigInt64Array;
  readonly #epoch: Int32Array;

  /** @param buffer the one of the other side; absent: this side makes it */
  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(CONTROL_BYTES);
    this.#words = new BigInt64Array(this.buffer, 0, 2);
    this.#epoch = new Int32Array(this.buffer);
    if (buffer === undefined) this.wakeAt(undefined);
  }

  /** Offset up to which the current pass has handed over bytes. */
  get position(): number {
    return Number(Atomics.load(this.#words, POSITION));
  }

  set position(offset: number) {
    Atomics.store(this.#words, POSITION, BigInt(offset));
  }

  /** Asks for one `progress` event once the position reaches `offset`; undefined: none wanted. */
  wakeAt(offset: number | undefined): void {
    Atomics.store(this.#words, WAKE_AT, offset === undefined ? NEVER : BigInt(offset));
  }

  /**
   * Once for each firmware call, so it makes one BigInt and no more.
   * @returns true once per `wakeAt`, when `offset` has reached it
   */
  moveTo(offset: number): boolean {
    const position = BigInt(offset);
    Atomics.store(this.#words, POSITION, position);
    if (position < Atomics.load(this.#words, WAKE_AT)) return false;
    Atomics.store(this.#words, WAKE_AT, NEVER);
    return true;
  }

  /** Fills of another epoch are skipped, the running one ends after its current call. */
  get epoch(): number {
    return Atomics.load(this.#epoch, EPOCH);
  }

  /** Ends the current epoch. @returns the new one */
  nextEpoch(): number {
    return Atomics.add(this.#epoch, EPOCH, 1) + 1;
  }
}
