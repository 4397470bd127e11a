import { BLOCK_BYTES, NO_SLOT } from './arena.js';
import type { Block, BlockCache } from './block-cache.js';
import type { PumpCommand } from './pump-protocol.js';
import { BATCHES_IN_FLIGHT, BATCH_BLOCKS } from './quota.js';

type Fill = Extract<PumpCommand, { op: 'fill' }>;

/** A fill under way in the pump thread. `undefined` in `blocks`: read past. */
interface Batch {
  readonly firstBlock: number;
  readonly blocks: readonly (Block | undefined)[];
  /** Ends inside its last block: the next batch has to wait until it is known where. */
  readonly limited: boolean;
  /** Position up to which its bytes have been taken note of. */
  absorbed: number;
  /** Belongs to a pass that was given up: what it brings is kept only where a block is whole. */
  abandoned: boolean;
}

/**
 * The blocks that the pump thread is filling, in the order in which it does. Each is pinned until the thread has
 * given it back, whatever happens meanwhile: nobody else may get a slot that another thread writes to.
 */
export class Flight {
  readonly #cache: BlockCache;
  #batches: Batch[] = [];
  /** The block in which `#planned` lies, begun by the current pass; pinned. */
  #head: Block | undefined;
  #planned = 0;
  #epoch = 0;
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

  /** Something that was given up is still to come back from the thread. */
  get isTurning(): boolean {
    return this.#batches.some((batch) => batch.abandoned);
  }

  /** The thread should be given another batch. */
  get hasRoom(): boolean {
    return this.#batches.length < BATCHES_IN_FLIGHT && this.#batches.at(-1)?.limited !== true;
  }

  /** First block that the current pass can still fill from its start. */
  get firstFreshBlock(): number {
    return this.#head?.index ?? Math.ceil(this.#planned / BLOCK_BYTES);
  }

  /** Position up to which the batch that the thread is at has been taken note of; undefined: it is at none of ours. */
  get absorbed(): number | undefined {
    const batch = this.#batches[0];
    return batch?.abandoned === false ? batch.absorbed : undefined;
  }

  /** True when block `index` is being filled. */
  brings(index: number): boolean {
    return this.#batches.some((batch) => batch.blocks[index - batch.firstBlock] !== undefined);
  }

  /** A new pass begins at `offset`; what is under way belongs to an older one. */
  restart(offset: number, epoch: number): void {
    this.abandon(epoch);
    this.#planned = offset;
  }

  /** No other pass will come: what there is of incomplete blocks stays for those who have the dump open. */
  endWithoutSuccessor(): void {
    this.#hasSuccessor = false;
  }

  abandon(epoch: number): void {
    this.#epoch = epoch;
    for (const batch of this.#batches) {
      batch.abandoned = true;
      for (const block of batch.blocks) if (block !== undefined) this.#dropIncomplete(block);
    }
    if (this.#head === undefined) return;
    this.#dropIncomplete(this.#head);
    this.#cache.unpin(this.#head);
    this.#head = undefined;
  }

  /** A call failed in the batch that the thread is at: it skips those behind it. */
  abandonRest(epoch: number): void {
    this.#epoch = epoch;
    for (const batch of this.#batches.slice(1)) batch.abandoned = true;
  }

  /** The next batch, up to `stopAt`. `allocate` gives a pinned block, or undefined for bytes that nobody keeps. */
  next(stopAt: number, allocate: (index: number) => Block | undefined): Fill {
    const firstBlock = Math.floor(this.#planned / BLOCK_BYTES);
    const length = Math.min(BATCH_BLOCKS, Math.ceil(stopAt / BLOCK_BYTES) - firstBlock);
    const blocks = Array.from({ length }, (_, at) => this.#place(firstBlock + at, allocate));
    const end = (firstBlock + length) * BLOCK_BYTES;
    this.#batches.push({
      firstBlock,
      blocks,
      limited: stopAt < end,
      absorbed: this.#planned,
      abandoned: false,
    });
    this.#head = undefined;
    this.#planned = end;
    return {
      op: 'fill',
      epoch: this.#epoch,
      firstBlock,
      slots: blocks.map((block) => block?.slot ?? NO_SLOT),
      stopAt,
    };
  }

  /** The thread stands at `position` in the batch that it is at. */
  absorb(position: number): void {
    const batch = this.#batches[0];
    if (batch === undefined) return;
    batch.absorbed = position;
    for (const block of batch.blocks)
      if (block !== undefined)
        block.filled = Math.min(BLOCK_BYTES, Math.max(0, position - block.index * BLOCK_BYTES));
  }

  /**
   * The thread has ended a batch at `position`. Whole blocks stay in the cache, pinned where `keep` takes over the
   * pin; the block in which a pass stopped is kept to go on with.
   *
   * @param end length of the dump, once known: a block that reaches it is whole
   * @returns whether the batch belonged to the current pass; undefined: there was none
   */
  land(position: number, end: number | undefined, keep: (block: Block) => boolean): boolean | undefined {
    const batch = this.#batches[0];
    if (batch === undefined) return undefined;
    this.absorb(position);
    this.#batches.shift();
    const batchEnd = (batch.firstBlock + batch.blocks.length) * BLOCK_BYTES;
    if (!batch.abandoned && position < batchEnd) this.#planned = position;
    for (const block of batch.blocks)
      if (block !== undefined) this.#giveBack(block, batch.abandoned, end, keep);
    return !batch.abandoned;
  }

  /** The thread is gone, and with it everything under way. */
  crash(): void {
    this.abandon(this.#epoch);
    while (!this.isEmpty) this.land(0, undefined, () => false);
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

  #giveBack(
    block: Block,
    abandoned: boolean,
    end: number | undefined,
    keep: (block: Block) => boolean,
  ): void {
    const isWhole = block.filled === BLOCK_BYTES || block.index * BLOCK_BYTES + block.filled === end;
    if (!isWhole && !abandoned && block.filled > 0) {
      this.#head = block;
      return;
    }
    if (block.filled === 0 || (!isWhole && this.#hasSuccessor)) this.#cache.drop(block);
    else if (isWhole && !block.dropped && keep(block)) return;
    this.#cache.unpin(block);
  }
}
