import { BLOCK_BYTES } from '../memory/index.js';

/** Requests that arrive this far out of order still belong to one sequential reader: the kernel reorders them. */
const REORDER_BYTES = 1024 * 1024;
const FIRST_WINDOW_BLOCKS = 4;

/**
 * How far firmware is kept busy ahead of a sequential reader. Pure: what follows from the reads so far. Blocks of the window
 * are not pinned, they are merely the last that the cache gives up.
 */
export class ReadAhead {
  readonly #mostBlocks: () => number;
  /** End of the furthest read of the run that is being followed; undefined: none. */
  #anchor: number | undefined;
  #windowBlocks = 0;

  /** @param mostBlocks how long the window may be at this moment */
  constructor(mostBlocks: () => number) {
    this.#mostBlocks = mostBlocks;
  }

  /** Blocks [from, to) worth fetching before anybody asks. */
  get window(): { readonly from: number; readonly to: number } {
    if (this.#anchor === undefined) return { from: 0, to: 0 };
    const from = Math.floor(this.#anchor / BLOCK_BYTES);
    return { from, to: from + this.#windowBlocks };
  }

  /** Offset up to which bytes are worth fetching before anybody asks. */
  get endOffset(): number {
    return this.window.to * BLOCK_BYTES;
  }

  /** The first blocks of the window, `most` at most. */
  next(most: number): readonly number[] {
    const { from, to } = this.window;
    return Array.from({ length: Math.min(most, to - from) }, (_, at) => from + at);
  }

  includes(index: number): boolean {
    const { from, to } = this.window;
    return index >= from && index < to;
  }

  /**
   * A read of [start, end) arrived. The window doubles while reads go on where the last ones ended.
   *
   * @param hit the cache could answer: that counts only near the window, elsewhere it says nothing about the stream
   * @returns whether the window may have moved
   */
  follow(start: number, end: number, hit = false): boolean {
    const { from, to } = this.window;
    const block = Math.floor(start / BLOCK_BYTES);
    if (hit && (block < from - 1 || block > to)) return false;
    const anchor = this.#anchor;
    if (anchor !== undefined && start >= anchor - REORDER_BYTES && start <= anchor + REORDER_BYTES) {
      if (end > anchor)
        this.#windowBlocks = Math.min(this.#mostBlocks(), Math.max(1, this.#windowBlocks * 2));
      this.#anchor = Math.max(anchor, end);
      return true;
    }
    this.#anchor = end;
    // Whoever starts at the beginning will most likely go on; a jump has to prove it first.
    this.#windowBlocks = Math.min(start === 0 ? FIRST_WINDOW_BLOCKS : 1, this.#mostBlocks());
    return true;
  }

  /** Nobody reads on: closed, failed, or at the end. */
  reset(): void {
    this.#anchor = undefined;
    this.#windowBlocks = 0;
  }
}
