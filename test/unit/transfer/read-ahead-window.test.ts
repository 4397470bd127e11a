import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BLOCK_BYTES } from '../../../src/memory/arena.js';
import { ReadAhead } from '../../../src/transfer/read-ahead-window.js';

const KIB = 1024;
const READ = 128 * KIB;

type Range = readonly [start: number, end: number];

function after(reads: readonly Range[], mostBlocks = 64): { from: number; to: number } {
  const readAhead = new ReadAhead(() => mostBlocks);
  for (const [start, end] of reads) readAhead.follow(start, end);
  return readAhead.window;
}

/** `count` reads, one behind the other. */
function sequential(count: number, from = 0): Range[] {
  return Array.from({ length: count }, (_, at) => [from + at * READ, from + (at + 1) * READ] as const);
}

describe('ReadAhead.window', () => {
  test.each<{ why: string; reads: readonly Range[]; from: number; blocks: number }>([
    { why: 'nobody reads', reads: [], from: 0, blocks: 0 },
    { why: 'a reader starts at the beginning', reads: [[0, READ]], from: 2, blocks: 4 },
    { why: 'and goes on', reads: sequential(2), from: 4, blocks: 8 },
    { why: 'and on', reads: sequential(4), from: 8, blocks: 32 },
    { why: 'until the most', reads: sequential(10), from: 20, blocks: 64 },
    { why: 'a jump has to prove itself', reads: [[1e9, 1e9 + READ]], from: 15_260, blocks: 1 },
    { why: 'a jump that goes on', reads: sequential(3, 640 * BLOCK_BYTES), from: 646, blocks: 4 },
    {
      why: 'a jump ends an earlier run',
      reads: [...sequential(9), [1e9, 1e9 + READ]],
      from: 15_260,
      blocks: 1,
    },
    { why: 'an unaligned end counts the block it is in', reads: [[0, BLOCK_BYTES + 1]], from: 1, blocks: 4 },
    {
      why: 'the same range again is no progress',
      reads: [
        [0, READ],
        [0, READ],
      ],
      from: 2,
      blocks: 4,
    },
    {
      why: 'requests that the kernel reorders stay one run',
      reads: [
        [0, READ],
        [2 * READ, 3 * READ],
        [READ, 2 * READ],
      ],
      from: 6,
      blocks: 8,
    },
    {
      why: 'more than 1 MiB out of order is a jump',
      reads: [
        [0, READ],
        [READ + 1024 * KIB + 1, 2048 * KIB],
      ],
      from: 32,
      blocks: 1,
    },
    {
      why: 'exactly 1 MiB out of order is not',
      reads: [
        [0, READ],
        [READ + 1024 * KIB, 2048 * KIB],
      ],
      from: 32,
      blocks: 8,
    },
  ])('$why', ({ reads, from, blocks }) => {
    expect(after(reads)).toEqual({ from, to: from + blocks });
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
});

test('ReadAhead.reset ends the run', () => {
  const readAhead = new ReadAhead(() => 64);
  for (const [start, end] of sequential(5)) readAhead.follow(start, end);
  readAhead.reset();
  expect(readAhead.window).toEqual({ from: 0, to: 0 });
  readAhead.follow(5 * READ, 6 * READ);
  expect(readAhead.window).toEqual({ from: 12, to: 13 });
});

test('ReadAhead.follow shortens the window when there is less for each', () => {
  let most = 64;
  const readAhead = new ReadAhead(() => most);
  for (let read = 0; read < 8; read += 1) readAhead.follow(read * BLOCK_BYTES, (read + 1) * BLOCK_BYTES);
  expect(readAhead.window).toEqual({ from: 8, to: 72 });
  most = 4;
  readAhead.follow(8 * BLOCK_BYTES, 9 * BLOCK_BYTES);
  expect(readAhead.window).toEqual({ from: 9, to: 13 });
});
