import type { PinnedBytes } from '../base/pinned-bytes.js';
import { BLOCK_BYTES } from './arena.js';
import type { Block, BlockCache } from './block-cache.js';

/** Takes note of what reached a reader. */
export interface Delivery {
  add(start: number, end: number): void;
}

/** A range of a dump, as views of the blocks that hold it. Takes over one pin of each block. */
export class PinnedRange implements PinnedBytes {
  readonly length: number;
  readonly segments: readonly Uint8Array[];
  readonly #cache: BlockCache;
  readonly #blocks: readonly Block[];
  readonly #start: number;
  readonly #delivery: Delivery;

  constructor(cache: BlockCache, blocks: readonly Block[], start: number, end: number, delivery: Delivery) {
    this.#cache = cache;
    this.#blocks = blocks;
    this.#start = start;
    this.#delivery = delivery;
    this.length = end - start;
    this.segments = blocks.map((block) => {
      const offset = block.index * BLOCK_BYTES;
      return cache.arena
        .view(block.slot)
        .subarray(Math.max(0, start - offset), Math.min(BLOCK_BYTES, end - offset));
    });
  }

  delivered(): void {
    this.#delivery.add(this.#start, this.#start + this.length);
  }

  [Symbol.dispose](): void {
    for (const block of this.#blocks) this.#cache.unpin(block);
  }
}
