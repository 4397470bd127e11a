import { LRUCache } from 'lru-cache';
import { Arena, BLOCK_BYTES } from './arena.js';

/** One block of one dump in one slot of the arena. */
export interface Block {
  readonly owner: BlockOwner;
  /** Offset in the dump is `index * BLOCK_BYTES`. */
  readonly index: number;
  readonly slot: number;
  /** Bytes from the block's start that are there; `BLOCK_BYTES` unless the block is being filled or ends the dump. */
  filled: number;
  /** While above 0 the slot is in use (by a hand that writes or a reader that waits) and cannot be evicted. */
  pins: number;
  /** Forgotten while pinned: the slot is wiped and freed with the last pin. */
  dropped: boolean;
}

/** The blocks of one incarnation of a dump. */
export class BlockOwner {
  readonly blocks = new Map<number, Block>();
}

/**
 * Which block sits in which slot. Unpinned blocks are evicted in LRU order; pinned ones are out of the LRU's reach.
 * The bound in bytes is the arena itself.
 */
export class BlockCache {
  readonly arena: Arena;
  readonly #free: number[] = [];
  readonly #evictable: LRUCache<number, Block>;

  constructor(sizeBytes: number) {
    this.arena = new Arena(sizeBytes);
    this.#evictable = new LRUCache({ max: Math.max(1, this.arena.slots) });
    for (let slot = this.arena.slots - 1; slot >= 0; slot -= 1) this.#free.push(slot);
  }

  /** Slots that an allocation could take now. */
  get available(): number {
    return this.#free.length + this.#evictable.size;
  }

  /** Memory that holds something, in bytes. */
  get usedBytes(): number {
    return (this.arena.slots - this.#free.length) * BLOCK_BYTES;
  }

  get limitBytes(): number {
    return this.arena.slots * BLOCK_BYTES;
  }

  /** True when allocating a block would evict one of `owner` itself: then keeping it gains nothing. */
  wouldEvict(owner: BlockOwner): boolean {
    if (this.#free.length > 0) return false;
    const oldest = this.#evictable.rvalues().next().value;
    return oldest === undefined || oldest.owner === owner;
  }

  /** A new, empty, pinned block; evicts the block that was used longest ago when no slot is free. */
  allocate(owner: BlockOwner, index: number): Block {
    const slot = this.#free.pop() ?? this.#evict();
    const block: Block = { owner, index, slot, filled: 0, pins: 1, dropped: false };
    const previous = owner.blocks.get(index);
    if (previous !== undefined) this.drop(previous);
    owner.blocks.set(index, block);
    return block;
  }

  pin(block: Block): void {
    if (block.pins === 0) this.#evictable.delete(block.slot);
    block.pins += 1;
  }

  unpin(block: Block): void {
    block.pins -= 1;
    if (block.pins > 0) return;
    if (block.dropped) {
      this.#release(block);
      return;
    }
    this.#evictable.set(block.slot, block);
  }

  /** Forgets a block; its bytes are overwritten as soon as nobody uses the slot. */
  drop(block: Block): void {
    if (block.owner.blocks.get(block.index) === block) block.owner.blocks.delete(block.index);
    if (block.dropped) return;
    block.dropped = true;
    if (block.pins > 0) return;
    this.#evictable.delete(block.slot);
    this.#release(block);
  }

  dropAll(owner: BlockOwner): void {
    for (const block of [...owner.blocks.values()]) this.drop(block);
  }

  /**
   * Overwrites every slot that may hold something, pinned ones too. Slots that are free were overwritten before, or never
   * used: writing to those would ask the system for memory that nobody needs.
   */
  wipe(): void {
    const free = new Set(this.#free);
    for (let slot = 0; slot < this.arena.slots; slot += 1) if (!free.has(slot)) this.arena.wipe(slot);
  }

  #evict(): number {
    const block = this.#evictable.pop();
    // What may be pinned adds up to less than the arena (see budget.ts), so this is a defect, not a load.
    if (block === undefined) throw new Error('block cache has no evictable slot left');
    block.owner.blocks.delete(block.index);
    return block.slot;
  }

  #release(block: Block): void {
    this.arena.wipe(block.slot);
    this.#free.push(block.slot);
  }
}
