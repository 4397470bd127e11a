import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BLOCK_BYTES } from '../../../src/memory/arena.js';
import type { Block } from '../../../src/memory/block-cache.js';
import { BlockCache, BlockOwner } from '../../../src/memory/block-cache.js';
import { CacheModel } from './support/cache-model.js';

const SLOTS = 5;

function cacheOf(slots: number): { cache: BlockCache; owner: BlockOwner } {
  return { cache: new BlockCache(slots * BLOCK_BYTES), owner: new BlockOwner() };
}

/** Blocks that nobody pins, the first one used longest ago. */
function unpinned(cache: BlockCache, owner: BlockOwner, count: number): Block[] {
  return Array.from({ length: count }, (_, index) => {
    const block = cache.allocate(owner, index);
    cache.unpin(block);
    return block;
  });
}

function isWiped(cache: BlockCache, block: Block): boolean {
  return Buffer.from(cache.arena.view(block.slot)).equals(Buffer.alloc(BLOCK_BYTES));
}

describe('BlockCache', () => {
  test('behaves like its model under any use', () => {
    const pick = fc.nat(100);
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ op: fc.constant('allocate' as const), owner: fc.nat(2), pick: fc.nat(4) }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ op: fc.constantFrom('pin', 'unpin', 'unpin'), owner: fc.nat(2), pick }),
      },
      { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('drop', 'dropAll'), owner: fc.nat(2), pick }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const model = new CacheModel(SLOTS, 3);
        for (const { op, owner, pick: at } of steps) {
          model[op](owner, at);
          model.check();
        }
      }),
      { numRuns: 200 },
    );
  });

  test('an allocated block is empty and pinned, and its owner finds it', () => {
    const { cache, owner } = cacheOf(2);
    const block = cache.allocate(owner, 7);
    expect(block).toMatchObject({ index: 7, filled: 0, pins: 1, dropped: false, owner });
    expect(owner.blocks.get(7)).toBe(block);
  });

  test('evicts what was used longest ago, where use is the last unpin', () => {
    const { cache, owner } = cacheOf(3);
    const [first, second, third] = unpinned(cache, owner, 3);
    cache.pin(first!);
    cache.unpin(first!);
    cache.allocate(owner, 10);
    cache.allocate(owner, 11);
    expect([...owner.blocks.keys()]).toEqual([first!.index, 10, 11]);
    expect([...owner.blocks.values()]).not.toContain(second);
    expect([...owner.blocks.values()]).not.toContain(third);
  });

  test('refuses to allocate when every slot is pinned', () => {
    const { cache, owner } = cacheOf(2);
    cache.allocate(owner, 0);
    cache.allocate(owner, 1);
    expect(cache.available).toBe(0);
    expect(() => cache.allocate(owner, 2)).toThrow('block cache has no evictable slot left');
    expect([...owner.blocks.keys()]).toEqual([0, 1]);
  });

  test('overwrites a dropped block at once, a pinned one with its last pin', () => {
    const { cache, owner } = cacheOf(3);
    const [loose, held] = [cache.allocate(owner, 0), cache.allocate(owner, 1)];
    for (const block of [loose, held]) cache.arena.view(block.slot).fill(0xaa);
    cache.unpin(loose);
    cache.pin(held);
    cache.dropAll(owner);
    expect([isWiped(cache, loose), isWiped(cache, held)]).toEqual([true, false]);
    expect(owner.blocks.size).toBe(0);
    cache.unpin(held);
    expect(isWiped(cache, held)).toBe(false);
    cache.unpin(held);
    expect(isWiped(cache, held)).toBe(true);
    expect(cache.available).toBe(3);
  });

  test('dropping twice frees a slot once', () => {
    const { cache, owner } = cacheOf(2);
    const [block] = unpinned(cache, owner, 1);
    cache.drop(block!);
    cache.drop(block!);
    expect(cache.available).toBe(2);
    expect(cache.allocate(owner, 0).slot).not.toBe(cache.allocate(owner, 1).slot);
  });

  test('a second block of the same index takes the place of the first, which dies with its last pin', () => {
    const { cache, owner } = cacheOf(3);
    const old = cache.allocate(owner, 4);
    cache.arena.view(old.slot).fill(0xaa);
    const young = cache.allocate(owner, 4);
    expect(owner.blocks.get(4)).toBe(young);
    expect(young.slot).not.toBe(old.slot);
    cache.drop(old);
    expect(owner.blocks.get(4)).toBe(young);
    cache.unpin(old);
    expect(isWiped(cache, old)).toBe(true);
    expect(owner.blocks.get(4)).toBe(young);
  });
});

describe('BlockCache.wouldEvict', () => {
  test.each([
    { why: 'a slot is free', mine: 1, others: 1, expected: false },
    { why: 'only own blocks can go', mine: 3, others: 0, expected: true },
    { why: 'only foreign blocks can go', mine: 0, others: 3, expected: false },
  ])('is $expected when $why', ({ mine, others, expected }) => {
    const { cache, owner } = cacheOf(3);
    unpinned(cache, new BlockOwner(), others);
    unpinned(cache, owner, mine);
    expect(cache.wouldEvict(owner)).toBe(expected);
  });

  test('follows the block that would go next', () => {
    const { cache, owner } = cacheOf(2);
    const [mine] = unpinned(cache, owner, 1);
    unpinned(cache, new BlockOwner(), 1);
    expect(cache.wouldEvict(owner)).toBe(true);
    cache.pin(mine!);
    expect(cache.wouldEvict(owner)).toBe(false);
    cache.unpin(mine!);
    expect(cache.wouldEvict(owner)).toBe(false);
  });

  test('is true when nothing can go at all', () => {
    const { cache, owner } = cacheOf(1);
    cache.allocate(new BlockOwner(), 0);
    expect(cache.wouldEvict(owner)).toBe(true);
  });
});
