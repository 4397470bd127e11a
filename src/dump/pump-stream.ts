import type { DumpCursor, DumpDriver, ResumePoint } from '../source/index.js';
import { MIN_READ_BYTES, SourceError } from '../source/index.js';
import { BLOCK_BYTES, NO_SLOT } from './arena.js';
import type { Control, PumpCommand, PumpEvent } from './pump-protocol.js';
import type { StartPoint } from './sequence-index.js';

type Fill = Extract<PumpCommand, { op: 'fill' }>;
type Open = Extract<PumpCommand, { op: 'open' }>;

/** Up to here in a block a call's bytes fit into it, however many there are. */
const LAST_DIRECT = BLOCK_BYTES - MIN_READ_BYTES;

/**
 * One dump's pass as seen inside the pump thread: turns commands into firmware calls, back to back, and places the
 * bytes in the arena.
 */
export class PumpStream {
  readonly #driver: DumpDriver;
  readonly #views: readonly Uint8Array[];
  readonly #control: Control;
  readonly #emit: (event: PumpEvent) => void;
  /** For chunks that do not fit into what is left of a block, and for bytes that nobody keeps. */
  readonly #bounce = new Uint8Array(new SharedArrayBuffer(MIN_READ_BYTES));
  /** Bytes of `#bounce` that were fetched but have no block yet. */
  #carried: Uint8Array = this.#bounce.subarray(0, 0);
  #cursor: DumpCursor | undefined;
  #offset = 0;
  #lastResume: StartPoint | undefined;
  /** Firmware said that everything has been handed over. */
  #handedOver = false;
  /** And everything has been placed: `#offset` is the dump's length. */
  #ended = false;
  #skippedEpoch = -1;

  constructor(
    driver: DumpDriver,
    views: readonly Uint8Array[],
    control: Control,
    emit: (event: PumpEvent) => void,
  ) {
    this.#driver = driver;
    this.#views = views;
    this.#control = control;
    this.#emit = emit;
  }

  carryOut(command: PumpCommand): void {
    switch (command.op) {
      case 'open':
        this.#open(command);
        break;
      case 'fill':
        this.#fill(command);
        break;
      case 'invalidate':
        this.#invalidate();
        break;
      case 'close':
        this.#close();
        this.#emit({ op: 'closed' });
        break;
    }
  }

  #open(command: Open): void {
    this.#close();
    this.#offset = command.offset;
    this.#control.position = command.offset;
    try {
      this.#cursor = this.#driver.open(command.tag, command.resume, command.detail, command.offset);
      this.#emit({ op: 'opened' });
    } catch (thrown) {
      this.#emit({ op: 'open-failed', error: SourceError.from(thrown).data });
    }
  }

  #close(): void {
    try {
      this.#cursor?.close();
    } finally {
      this.#cursor = undefined;
      this.#bounce.fill(0);
      this.#carried = this.#bounce.subarray(0, 0);
      this.#lastResume = undefined;
      this.#handedOver = false;
      this.#ended = false;
    }
  }

  #invalidate(): void {
    try {
      if (this.#cursor === undefined) throw new Error('invalidate without an open cursor');
      this.#cursor.invalidate();
      this.#emit({ op: 'invalidated' });
    } catch (thrown) {
      this.#emit({ op: 'invalidate-failed', error: SourceError.from(thrown).data });
    }
  }

  #fill(fill: Fill): void {
    const points: StartPoint[] = [];
    const end = (fill.firstBlock + fill.slots.length) * BLOCK_BYTES;
    try {
      while (this.#offset < Math.min(end, fill.stopAt) && !this.#ended && this.#isCurrent(fill))
        this.#step(fill, end, points);
    } catch (thrown) {
      this.#skippedEpoch = fill.epoch;
      this.#emit({ op: 'failed', position: this.#offset, error: SourceError.from(thrown).data });
    }
    this.#emit({ op: 'filled', position: this.#offset, points });
  }

  #isCurrent(fill: Fill): boolean {
    return (
      this.#cursor !== undefined && fill.epoch === this.#control.epoch && fill.epoch !== this.#skippedEpoch
    );
  }

  /** Places what the last call brought too many, else makes firmware calls: one, or as many as a block has room for. */
  #step(fill: Fill, end: number, points: StartPoint[]): void {
    if (this.#carried.length === 0 && !this.#handedOver) this.#call(fill, points);
    this.#placeCarried(fill, end);
    if (!this.#handedOver || this.#carried.length > 0) return;
    this.#ended = true;
    this.#emit({ op: 'end', position: this.#offset });
  }

  #call(fill: Fill, points: StartPoint[]): void {
    const cursor = this.#cursor;
    if (cursor === undefined) return;
    const block = Math.floor(this.#offset / BLOCK_BYTES);
    const view = this.#views[fill.slots[block - fill.firstBlock] ?? NO_SLOT];
    if (view !== undefined && this.#offset % BLOCK_BYTES <= LAST_DIRECT) {
      this.#callInto(view, cursor, fill, points);
      return;
    }
    const { bytes, done, resume } = cursor.read(this.#bounce);
    this.#handedOver = done;
    if (resume !== undefined) this.#noteResume(this.#offset + bytes, resume, points);
    this.#carried = this.#bounce.subarray(0, bytes);
  }

  /**
   * Calls back to back, while whole chunks fit into the block that `view` shows. One loop rather than small pieces:
   * JavaScript that has not been compiled yet pays for each, and a dump of 32 MiB is through before the compiler is.
   */
  #callInto(view: Uint8Array, cursor: DumpCursor, { epoch, stopAt }: Fill, points: StartPoint[]): void {
    let within = this.#offset % BLOCK_BYTES;
    do {
      const { bytes, done, resume } = cursor.read(view.subarray(within));
      within += bytes;
      this.#handedOver = done;
      if (resume !== undefined) this.#noteResume(this.#offset + bytes, resume, points);
      this.#advance(bytes);
    } while (
      within <= LAST_DIRECT &&
      this.#offset < stopAt &&
      !this.#handedOver &&
      this.#control.epoch === epoch
    );
  }

  #placeCarried(fill: Fill, end: number): void {
    while (this.#carried.length > 0 && this.#offset < end) {
      const block = Math.floor(this.#offset / BLOCK_BYTES);
      const within = this.#offset - block * BLOCK_BYTES;
      const count = Math.min(this.#carried.length, BLOCK_BYTES - within);
      const slot = fill.slots[block - fill.firstBlock] ?? NO_SLOT;
      if (slot !== NO_SLOT) this.#views[slot]?.set(this.#carried.subarray(0, count), within);
      this.#carried = this.#carried.subarray(count);
      this.#advance(count);
    }
  }

  #advance(bytes: number): void {
    this.#offset += bytes;
    if (this.#control.moveTo(this.#offset)) this.#emit({ op: 'progress' });
  }

  /** Keeps, for each block's start, the last sequence at or before it. */
  #noteResume(offset: number, resume: ResumePoint, points: StartPoint[]): void {
    const boundary = Math.floor(offset / BLOCK_BYTES) * BLOCK_BYTES;
    const previous = this.#lastResume;
    this.#lastResume = { offset, resume };
    if (offset === boundary) points.push(this.#lastResume);
    else if (previous !== undefined && previous.offset < boundary) points.push(previous);
  }
}
