import { describe, expect, test } from 'vitest';
import { BLOCK_BYTES } from '../../../src/memory/arena.js';
import type { Block } from '../../../src/memory/block-cache.js';
import { BlockCache, BlockOwner } from '../../../src/memory/block-cache.js';
import { Coverage } from '../../../src/dump/coverage.js';
import { PinnedRange } from '../../../src/memory/pinned-range.js';

const FIRST = 3;

/** Blocks 3, 4 and 5 of a dump, full of pattern bytes, each pinned once. */
function threeBlocks(): { cache: BlockCache; blocks: Block[]; content: (at: number) => number } {
  const cache = new BlockCache(4 * BLOCK_BYTES);
  const owner = new BlockOwner();
  const content = (at: number): number => (at * 7 + (at >> 16)) & 0xff;
  const blocks = [FIRST, FIRST + 1, FIRST + 2].map((index) => {
    const block = cache.allocate(owner, index);
    cache.arena.view(block.slot).forEach((_, at, view) => (view[at] = content(index * BLOCK_BYTES + at)));
    return block;
  });
  return { cache, blocks, content };
}

const BASE = FIRST * BLOCK_BYTES;

describe('PinnedRange', () => {
  test.each([
    { why: 'within one block', start: BASE + 10, end: BASE + 20, first: 0, count: 1 },
    { why: 'one whole block', start: BASE, end: BASE + BLOCK_BYTES, first: 0, count: 1 },
    {
      why: 'one byte on each side of a border',
      start: BASE + BLOCK_BYTES - 1,
      end: BASE + BLOCK_BYTES + 1,
      first: 0,
      count: 2,
    },
    {
      why: 'from inside the first to inside the last',
      start: BASE + 1,
      end: BASE + 2 * BLOCK_BYTES + 5,
      first: 0,
      count: 3,
    },
    {
      why: 'the last blocks only',
      start: BASE + BLOCK_BYTES,
      end: BASE + 3 * BLOCK_BYTES,
      first: 1,
      count: 2,
    },
  ])('shows the bytes of the range, $why', ({ start, end, first, count }) => {
    const { cache, blocks, content } = threeBlocks();
    const range = new PinnedRange(cache, blocks.slice(first, first + count), start, end, new Coverage());
    const shown = Buffer.concat(range.segments);
    expect(range.length).toBe(end - start);
    expect(range.segments).toHaveLength(count);
    expect(
      shown.equals(Buffer.from(Array.from({ length: end - start }, (_, at) => content(start + at)))),
    ).toBe(true);
  });

  test('shows views, not copies', () => {
    const { cache, blocks } = threeBlocks();
    const range = new PinnedRange(cache, blocks.slice(0, 1), BASE + 5, BASE + 6, new Coverage());
    cache.arena.view(blocks[0]!.slot)[5] = 0xee;
    expect(range.segments[0]).toEqual(Uint8Array.of(0xee));
  });

  test.each([
    { why: 'without blocks', taken: 0 },
    { why: 'at the end of a block', taken: 1 },
  ])('may be empty, $why', ({ taken }) => {
    const { cache, blocks } = threeBlocks();
    const coverage = new Coverage();
    const range = new PinnedRange(cache, blocks.slice(0, taken), BASE + 7, BASE + 7, coverage);
    range.delivered();
    expect(range.length).toBe(0);
    expect(Buffer.concat(range.segments)).toHaveLength(0);
    expect(coverage.total).toBe(0);
  });

  test('counts as delivered only what it is told of, and exactly the range', () => {
    const { cache, blocks } = threeBlocks();
    const coverage = new Coverage();
    coverage.add(0, BASE + 1);
    {
      using range = new PinnedRange(cache, blocks, BASE + 1, BASE + 2 * BLOCK_BYTES + 5, coverage);
      expect(range.length).toBe(2 * BLOCK_BYTES + 4);
    }
    expect(coverage.total).toBe(BASE + 1);
    new PinnedRange(cache, blocks, BASE + 1, BASE + 2 * BLOCK_BYTES + 5, coverage).delivered();
    expect(coverage.covers(BASE + 2 * BLOCK_BYTES + 5)).toBe(true);
    expect(coverage.covers(BASE + 2 * BLOCK_BYTES + 6)).toBe(false);
  });

  test('gives back one pin of each block when disposed', () => {
    const { cache, blocks } = threeBlocks();
    cache.pin(blocks[1]!);
    new PinnedRange(cache, blocks, BASE, BASE + 3 * BLOCK_BYTES, new Coverage())[Symbol.dispose]();
    expect(blocks.map((block) => block.pins)).toEqual([0, 1, 0]);
    expect(cache.available).toBe(3);
  });

  test('stays whole while it is held, although the dump was dropped', () => {
    const { cache, blocks, content } = threeBlocks();
    const range = new PinnedRange(cache, blocks, BASE, BASE + 3 * BLOCK_BYTES, new Coverage());
    cache.dropAll(blocks[0]!.owner);
    cache.allocate(new BlockOwner(), 0);
    expect(range.segments[2]![9]).toBe(content(BASE + 2 * BLOCK_BYTES + 9));
    range[Symbol.dispose]();
    expect(range.segments.map((segment) => [...new Set(segment)])).toEqual([[0], [0], [0]]);
  });
});
