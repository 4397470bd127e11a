import { expect } from 'vitest';
import { BLOCK_BYTES } from '../../../../src/memory/arena.js';
import type { Block } from '../../../../src/memory/block-cache.js';
import { BlockCache, BlockOwner } from '../../../../src/memory/block-cache.js';

const ZEROS = Buffer.alloc(BLOCK_BYTES);

/** What a block cache means, in plain lists, beside a real one that is told the same. */
export class CacheModel {
  readonly #cache: BlockCache;
  readonly #owners: readonly BlockOwner[];
  readonly #slots: number;
  /** Blocks that hold a slot, with the byte that was written all over it. */
  readonly #live = new Map<Block, number>();
  readonly #pins = new Map<Block, number>();
  /** Findable by their owner: not dropped, not evicted. */
  readonly #listed = new Set<Block>();
  /** Nobody pins them; the first one was used longest ago. */
  #idle: Block[] = [];
  #marks = 0;

  constructor(slots: number, owners: number) {
    this.#cache = new BlockCache(slots * BLOCK_BYTES);
    this.#owners = Array.from({ length: owners }, () => new BlockOwner());
    this.#slots = slots;
  }

  allocate(ownerAt: number, index: number): void {
    const owner = this.#owners[ownerAt]!;
    const victim = this.#live.size === this.#slots ? this.#idle[0] : undefined;
    if (this.#live.size === this.#slots && victim === undefined) {
      expect(() => this.#cache.allocate(owner, index)).toThrow('no evictable slot');
      return;
    }
    if (victim !== undefined) this.#forget(victim);
    const previous = this.#listedOf(ownerAt).find((block) => block.index === index);
    const block = this.#cache.allocate(owner, index);
    if (previous !== undefined) this.#dropped(previous);
    this.#marks = (this.#marks % 255) + 1;
    this.#cache.arena.view(block.slot).fill(this.#marks);
    this.#live.set(block, this.#marks);
    this.#pins.set(block, 1);
    this.#listed.add(block);
  }

  pin(ownerAt: number, pick: number): void {
    const block = pickFrom(this.#listedOf(ownerAt), pick);
    if (block === undefined) return;
    this.#cache.pin(block);
    this.#pins.set(block, this.#pins.get(block)! + 1);
    this.#idle = this.#idle.filter((other) => other !== block);
  }

  unpin(_ownerAt: number, pick: number): void {
    const block = pickFrom(
      [...this.#live.keys()].filter((each) => this.#pins.get(each)! > 0),
      pick,
    );
    if (block === undefined) return;
    this.#cache.unpin(block);
    const pins = this.#pins.get(block)! - 1;
    this.#pins.set(block, pins);
    if (pins > 0) return;
    if (this.#listed.has(block)) this.#idle.push(block);
    else this.#free(block);
  }

  drop(ownerAt: number, pick: number): void {
    const block = pickFrom(this.#listedOf(ownerAt), pick);
    if (block === undefined) return;
    this.#cache.drop(block);
    this.#dropped(block);
  }

  dropAll(ownerAt: number): void {
    this.#cache.dropAll(this.#owners[ownerAt]!);
    for (const block of this.#listedOf(ownerAt)) this.#dropped(block);
  }

  /** Fails where cache and model differ. */
  check(): void {
    const blocks = [...this.#live.keys()];
    expect(new Set(blocks.map((block) => block.slot)).size, 'each slot is in one block').toBe(blocks.length);
    for (const [block, mark] of this.#live) {
      const view = this.#cache.arena.view(block.slot);
      expect([view[0], view[BLOCK_BYTES - 1]], 'a slot in use keeps its bytes').toEqual([mark, mark]);
    }
    this.#owners.forEach((owner, at) => {
      expect(new Set(owner.blocks.values()), `blocks of owner ${at}`).toEqual(new Set(this.#listedOf(at)));
    });
    const pinned = blocks.filter((block) => this.#pins.get(block)! > 0).length;
    expect(this.#cache.available, 'available').toBe(this.#slots - pinned);
    this.#owners.forEach((owner) => {
      const next = this.#idle[0];
      const evictsOwn = this.#live.size === this.#slots && (next === undefined || next.owner === owner);
      expect(this.#cache.wouldEvict(owner), 'wouldEvict').toBe(evictsOwn);
    });
  }

  #listedOf(ownerAt: number): Block[] {
    return [...this.#listed].filter((block) => block.owner === this.#owners[ownerAt]);
  }

  #dropped(block: Block): void {
    this.#listed.delete(block);
    this.#idle = this.#idle.filter((other) => other !== block);
    if (this.#pins.get(block) === 0) this.#free(block);
  }

  /** A block that was dropped and that nobody uses: its bytes have to be gone. */
  #free(block: Block): void {
    const view = this.#cache.arena.view(block.slot);
    expect(ZEROS.equals(view), 'a dropped slot is wiped').toBe(true);
    this.#live.delete(block);
  }

  #forget(evicted: Block): void {
    this.#listed.delete(evicted);
    this.#live.delete(evicted);
    this.#idle = this.#idle.filter((other) => other !== evicted);
  }
}

function pickFrom<T>(from: readonly T[], pick: number): T | undefined {
  return from[pick % Math.max(1, from.length)];
}
