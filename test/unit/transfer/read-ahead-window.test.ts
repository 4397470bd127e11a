import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BLOCK_BYTES } from '../../../src/memory/arena.js';
import { ReadAhead } from '../../../src/transfer/read-ahead-window.js';

const KIB = 1024;
const READ = 128 * KIB;
const MOST = 64;
const FAR = 640 * BLOCK_BYTES;

type Range = readonly [start: number, end: number];

function after(reads: readonly Range[]): { from: number; blocks: number } {
  const readAhead = new ReadAhead(() => MOST);
  for (const [start, end] of reads) readAhead.follow(start, end);
  const { from, to } = readAhead.window;
  return { from: from * BLOCK_BYTES, blocks: to - from };
}

/** Reads, one behind the other. */
function sequential(count: number, from = 0): Range[] {
  return Array.from({ length: count }, (_, at) => [from + at * READ, from + (at + 1) * READ] as const);
}

describe('ReadAhead.window', () => {
  test('is empty while nobody reads, grows with a run from the beginning, and reaches the most', () => {
    expect(after([])).toEqual({ from: 0, blocks: 0 });
    const sizes = [1, 2, 4, 10].map((count) => after(sequential(count)));
    expect(sizes.map(({ from }) => from)).toEqual([1, 2, 4, 10].map((count) => count * READ));
    for (let at = 1; at < sizes.length; at += 1)
      expect(sizes[at]!.blocks).toBeGreaterThan(sizes[at - 1]!.blocks);
    expect(sizes.at(-1)!.blocks).toBe(MOST);
  });

  const jump: Range = [FAR, FAR + READ];
  const untried = after([jump]).blocks;
  test.each<{ why: string; reads: readonly Range[]; from: number; blocks: number }>([
    { why: 'a jump has to prove itself', reads: [jump], from: FAR + READ, blocks: 1 },
    { why: '... also after a run', reads: [...sequential(9), jump], from: FAR + READ, blocks: untried },
    {
      why: 'the same range again is no progress',
      reads: [...sequential(1), ...sequential(1)],
      ...after(sequential(1)),
    },
    {
      why: 'requests that the kernel reorders stay one run',
      reads: [0, 2, 1].map((at) => sequential(3)[at]!),
      from: 3 * READ,
      blocks: after(sequential(2)).blocks,
    },
    {
      why: 'more than 1 MiB out of order is a jump',
      reads: [
        [0, READ],
        [READ + 1024 * KIB + 1, 2048 * KIB],
      ],
      from: 2048 * KIB,
      blocks: untried,
    },
    {
      why: 'exactly 1 MiB out of order is not',
      reads: [
        [0, READ],
        [READ + 1024 * KIB, 2048 * KIB],
      ],
      from: 2048 * KIB,
      blocks: after(sequential(2)).blocks,
    },
  ])('$why', ({ reads, from, blocks }) => {
    expect(after(reads)).toEqual({ from, blocks });
  });

  test('never exceeds the most, which may be 0, and lies at the furthest read of the run', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 1024 * KIB }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(lengths, fc.nat(40), (all, most) => {
        const readAhead = new ReadAhead(() => most);
        let position = 0;
        for (const length of all) {
          readAhead.follow(position, position + length);
          position += length;
          const { from, to } = readAhead.window;
          expect(from).toBe(Math.floor(position / BLOCK_BYTES));
          expect(to - from).toBeLessThanOrEqual(most);
        }
      }),
    );
  });

  test('is empty after reset, which ends the run, and shorter when there is less for each', () => {
    let most = MOST;
    const readAhead = new ReadAhead(() => most);
    for (const [start, end] of sequential(9)) readAhead.follow(start, end);
    most = 4;
    readAhead.follow(9 * READ, 10 * READ);
    expect(readAhead.window).toEqual({ from: 20, to: 24 });
    readAhead.reset();
    expect(readAhead.window).toEqual({ from: 0, to: 0 });
    readAhead.follow(10 * READ, 11 * READ);
    expect(readAhead.window).toEqual({ from: 22, to: 22 + untried });
  });
});
