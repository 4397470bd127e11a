import { describe, expect, test } from 'vitest';
import { Allowance } from '../../../src/dump/allowance.js';
import { BLOCK_BYTES } from '../../../src/dump/arena.js';
import type { Block } from '../../../src/dump/block-cache.js';
import { BlockCache, BlockOwner } from '../../../src/dump/block-cache.js';
import { Window } from '../../../src/dump/window.js';

const B = BLOCK_BYTES;

/** A window whose reader has read the first two blocks from the beginning: blocks 2 to 9 are ahead of it. */
function reading(pins = 8): { window: Window; cache: BlockCache; block: (index: number) => Block } {
  const cache = new BlockCache(16 * B);
  const owner = new BlockOwner();
  const window = new Window(cache, () => 8, new Allowance(pins));
  window.follow(0, B, false);
  window.follow(B, 2 * B, false);
  return { window, cache, block: (index) => cache.allocate(owner, index) };
}

describe('Window', () => {
  test('is empty before anybody reads', () => {
    const window = new Window(new BlockCache(B), () => 8, new Allowance(8));
    expect(window.endOffset).toBe(0);
    expect(window.includes(0)).toBe(false);
  });

  test('lies ahead of the reader', () => {
    const { window } = reading();
    expect(window.endOffset).toBe(10 * B);
    expect([1, 2, 9, 10].map((index) => window.includes(index))).toEqual([false, true, true, false]);
  });

  test('keeps a block with the pin that it came with, until the reader has passed it', () => {
    const { window, block } = reading();
    const kept = block(2);
    expect(window.keep(kept)).toBe(true);
    window.follow(2 * B, 2 * B + 1, false);
    expect(kept.pins).toBe(1);
    window.follow(2 * B + 1, 3 * B, false);
    expect(kept.pins).toBe(0);
  });

  test('takes no pin of a block that it does not need', () => {
    const { window, block } = reading();
    const kept = block(3);
    window.keep(kept);
    expect(window.keep(kept)).toBe(false);
    expect(window.keep(block(1))).toBe(false);
    expect(window.keep(block(10))).toBe(false);
    expect(kept.pins).toBe(1);
  });

  test('takes no more pins than there are for all dumps, and gives them back', () => {
    const { window, block } = reading(2);
    const kept = [2, 3, 4].map((index) => window.keep(block(index)));
    expect(kept).toEqual([true, true, false]);
    window.follow(2 * B, 4 * B, false);
    expect(window.keep(block(5))).toBe(true);
  });

  test('gives everything back when nobody reads on', () => {
    const { window, cache, block } = reading();
    for (const index of [2, 3, 4]) window.keep(block(index));
    expect(cache.available).toBe(13);
    window.reset();
    expect(cache.available).toBe(16);
    expect(window.endOffset).toBe(0);
  });
});

describe('Window.follow, a read that the cache could answer', () => {
  test.each([
    { why: 'just before the window', block: 1, moves: true },
    { why: 'at its beginning', block: 2, moves: true },
    { why: 'at its end', block: 10, moves: true },
    { why: 'further back', block: 0, moves: false },
    { why: 'further ahead', block: 11, moves: false },
  ])('$why moves it: $moves', ({ block, moves }) => {
    const { window } = reading();
    const before = window.endOffset;
    expect(window.follow(block * B, (block + 1) * B, true)).toBe(moves);
    if (!moves) expect(window.endOffset).toBe(before);
  });

  test('elsewhere is a jump when the cache could not answer it', () => {
    const { window, block } = reading();
    const kept = block(2);
    window.keep(kept);
    expect(window.follow(100 * B, 101 * B, false)).toBe(true);
    expect(window.endOffset).toBe(102 * B);
    expect(kept.pins).toBe(0);
  });
});
