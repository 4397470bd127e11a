import type { Allowance } from './allowance.js';
import { BLOCK_BYTES } from './arena.js';
import type { Block, BlockCache } from './block-cache.js';
import { ReadAhead } from './read-ahead.js';

/**
 * The blocks fetched ahead of a sequential reader, pinned until the reader has passed them. Where all dumps together
 * have no more pins, they are merely the last that the cache gives up.
 */
export class Window {
  readonly #cache: BlockCache;
  readonly #pins: Allowance;
  readonly #readAhead: ReadAhead;
  readonly #pinned = new Map<number, Block>();

  constructor(cache: BlockCache, mostBlocks: () => number, pins: Allowance) {
    this.#cache = cache;
    this.#pins = pins;
    this.#readAhead = new ReadAhead(mostBlocks);
  }

  /** Offset up to which bytes are worth fetching before anybody asks. */
  get endOffset(): number {
    return this.#readAhead.window.to * BLOCK_BYTES;
  }

  /** The first blocks of the window, `most` at most. */
  next(most: number): readonly number[] {
    const { from, to } = this.#readAhead.window;
    return Array.from({ length: Math.min(most, to - from) }, (_, at) => from + at);
  }

  includes(index: number): boolean {
    const { from, to } = this.#readAhead.window;
    return index >= from && index < to;
  }

  /**
   * A reader asked for [start, end). What the cache could answer counts only near the window: elsewhere it says
   * nothing about the stream. @returns whether the window may have moved
   */
  follow(start: number, end: number, hit: boolean): boolean {
    const { from, to } = this.#readAhead.window;
    const block = Math.floor(start / BLOCK_BYTES);
    if (hit && (block < from - 1 || block > to)) return false;
    this.#readAhead.follow(start, end);
    this.#trim();
    return true;
  }

  /** Nobody reads on. */
  reset(): void {
    this.#readAhead.reset();
    this.#trim();
  }

  /** Takes over the pin of a block that lies in the window. False: it does not, is pinned already, or pins are out. */
  keep(block: Block): boolean {
    if (!this.includes(block.index) || this.#pinned.has(block.index) || !this.#pins.take()) return false;
    this.#pinned.set(block.index, block);
    return true;
  }

  #trim(): void {
    for (const [index, block] of this.#pinned) {
      if (this.includes(index)) continue;
      this.#pinned.delete(index);
      this.#pins.giveBack();
      this.#cache.unpin(block);
    }
  }
}
