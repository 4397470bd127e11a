import type { Block, BlockCache } from '../memory/index.js';
import { BATCHES_IN_FLIGHT, BATCH_BLOCKS, BLOCK_BYTES, NO_SLOT } from '../memory/index.js';

/** Part of a dump that a hand is asked to fill. `undefined` in `blocks`: read past. */
interface Batch {
  readonly firstBlock: number;
  readonly blocks: readonly (Block | undefined)[];
  /** Ends inside its last block: the next batch has to wait until it is known where. */
  readonly limited: boolean;
  /** Position up to which its bytes have been taken note of. */
  absorbed: number;
}

export interface PlannedFill {
  readonly firstBlock: number;
  readonly slots: readonly number[];
  readonly stopAt: number;
}

/**
 * The blocks of one pass that a hand is filling, in the order in which it does. Each is pinned until the hand has given it
 * back, whatever happens meanwhile: nobody else may get a slot that another thread writes to.
 */
export class Batches {
  readonly #cache: BlockCache;
  #batches: Batch[] = [];
  /** The block in which the pass stands, begun by it; pinned. */
  #head: Block | undefined;
  #planned = 0;
  /** What is still to come back belongs to a pass that goes on no further. */
  #isGivenUp = false;
  #hasSuccessor = true;

  constructor(cache: BlockCache) {
    this.#cache = cache;
  }

  /** Offset at which the next batch begins. */
  get planned(): number {
    return this.#planned;
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** The hand should be given another batch. */
  get hasRoom(): boolean {
    return this.#batches.length < BATCHES_IN_FLIGHT && this.#batches.at(-1)?.limited !== true;
  }

  /** First block that the pass can still fill from its start. */
  get firstFreshBlock(): number {
    return this.#head?.index ?? Math.ceil(this.#planned / BLOCK_BYTES);
  }

  /** Position up to which the batch that the hand is at has been taken note of; undefined: it is at none. */
  get absorbed(): number | undefined {
    return this.#isGivenUp ? undefined : this.#batches[0]?.absorbed;
  }

  /** True when block `index` is being filled. */
  brings(index: number): boolean {
    return (
      !this.#isGivenUp && this.#batches.some((batch) => batch.blocks[index - batch.firstBlock] !== undefined)
    );
  }

  /** A new pass begins at `offset`. Everything has come back from the last one. */
  begin(offset: number): void {
    this.giveUp();
    this.#isGivenUp = false;
    this.#planned = offset;
  }

  /** No other pass will come: what there is of incomplete blocks stays for those who have the dump open. */
  endWithoutSuccessor(): void {
    this.#hasSuccessor = false;
  }

  /** The pass goes on no further. */
  giveUp(): void {
    this.#isGivenUp = true;
    for (const batch of this.#batches)
      for (const block of batch.blocks) if (block !== undefined) this.#dropIncomplete(block);
    if (this.#head === undefined) return;
    this.#dropIncomplete(this.#head);
    this.#cache.unpin(this.#head);
    this.#head = undefined;
  }

  /** The next batch, up to `stopAt`. `allocate` gives a pinned block, or undefined for bytes that nobody keeps. */
  next(stopAt: number, allocate: (index: number) => Block | undefined): PlannedFill {
    const firstBlock = Math.floor(this.#planned / BLOCK_BYTES);
    const length = Math.min(BATCH_BLOCKS, Math.ceil(stopAt / BLOCK_BYTES) - firstBlock);
    const blocks = Array.from({ length }, (_, at) => this.#place(firstBlock + at, allocate));
    const end = (firstBlock + length) * BLOCK_BYTES;
    this.#batches.push({ firstBlock, blocks, limited: stopAt < end, absorbed: this.#planned });
    this.#head = undefined;
    this.#planned = end;
    return { firstBlock, slots: blocks.map((block) => block?.slot ?? NO_SLOT), stopAt };
  }

  /** The hand stands at `position` in the batch that it is at. */
  absorb(position: number): void {
    const batch = this.#batches[0];
    if (batch === undefined) return;
    batch.absorbed = position;
    for (const block of batch.blocks)
      if (block !== undefined)
        block.filled = Math.min(BLOCK_BYTES, Math.max(0, position - block.index * BLOCK_BYTES));
  }

  /**
   * The hand has ended a batch at `position`. Whole blocks stay in the cache; the block in which the pass stopped is kept to
   * go on with. What of later batches has been planned too far comes back empty.
   *
   * @param end length of the dump, once known: a block that reaches it is whole
   * @param onWhole called with each block that is whole, while it is pinned
   */
  land(position: number, end: number | undefined, onWhole: (block: Block) => void): void {
    const batch = this.#batches[0];
    if (batch === undefined) return;
    this.absorb(position);
    this.#batches.shift();
    if (position < (batch.firstBlock + batch.blocks.length) * BLOCK_BYTES) this.#planned = position;
    for (const block of batch.blocks) if (block !== undefined) this.#giveBack(block, end, onWhole);
  }

  /** The hand is gone, and with it everything under way. */
  crash(): void {
    this.giveUp();
    while (!this.isEmpty) this.land(0, undefined, () => undefined);
  }

  /** Nobody will complete it: a later pass needs its place in the list. */
  #dropIncomplete(block: Block): void {
    if (this.#hasSuccessor && block.filled < BLOCK_BYTES) this.#cache.drop(block);
  }

  #place(index: number, allocate: (index: number) => Block | undefined): Block | undefined {
    if (this.#head?.index === index) return this.#head;
    // A block that the pass enters in its middle cannot be filled from its start.
    return this.#planned > index * BLOCK_BYTES ? undefined : allocate(index);
  }

  #giveBack(block: Block, end: number | undefined, onWhole: (block: Block) => void): void {
    const isWhole = block.filled === BLOCK_BYTES || block.index * BLOCK_BYTES + block.filled === end;
    if (!isWhole && !this.#isGivenUp && block.filled > 0) {
      this.#head = block;
      return;
    }
    if (block.filled === 0 || (!isWhole && this.#hasSuccessor)) this.#cache.drop(block);
    else if (isWhole && !block.dropped) onWhole(block);
    this.#cache.unpin(block);
  }
}
