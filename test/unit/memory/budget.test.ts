import { describe, expect, test } from 'vitest';
import { BLOCK_BYTES } from '../../../src/memory/arena.js';
import {
  BATCH_BLOCKS,
  BATCHES_IN_FLIGHT,
  MAX_READ_BYTES,
  MIN_SLOTS,
  budgetFor,
} from '../../../src/memory/budget.js';

/** From the smallest cache to one of 4 GiB. */
const SIZES = Array.from({ length: 65_536 - MIN_SLOTS }, (_, at) => MIN_SLOTS + at);
const UNALIGNED_READ_BLOCKS = MAX_READ_BYTES / BLOCK_BYTES + 1;

function everySize(holds: (slots: number) => boolean): number[] {
  return SIZES.filter((slots) => !holds(slots));
}

describe('budgetFor, for every cache size', () => {
  test('what may be pinned fits into the arena', () => {
    const tooMuch = everySize((slots) => {
      const { hands, passes, readBlocks } = budgetFor(slots);
      return hands * (BATCH_BLOCKS * BATCHES_IN_FLIGHT + readBlocks) + passes <= slots;
    });
    expect(tooMuch).toEqual([]);
  });

  test('the longest unaligned read fits, and something can be fetched ahead', () => {
    const tooLittle = everySize((slots) => {
      const { readBlocks, aheadBlocks } = budgetFor(slots);
      return readBlocks >= UNALIGNED_READ_BLOCKS && aheadBlocks(16) >= 1;
    });
    expect(tooLittle).toEqual([]);
  });

  test('there are 2 to 32 hands, more only with more memory, and a pass for each', () => {
    const hands = SIZES.map((slots) => budgetFor(slots).hands);
    expect(hands[0]).toBe(2);
    expect(hands.at(-1)).toBe(32);
    expect(hands).toEqual(hands.toSorted((a, b) => a - b));
    expect(everySize((slots) => budgetFor(slots).passes >= budgetFor(slots).hands)).toEqual([]);
  });
});

test('the default cache of 64 MiB is enough for 29 hands and 32 open passes', () => {
  expect(budgetFor(1024)).toMatchObject({ hands: 29, passes: 32, readBlocks: 18 });
});

test.each([
  { limitMib: 4096, hands: 29 },
  { limitMib: 300, hands: 17 },
  { limitMib: 160, hands: 3 },
  { limitMib: 100, hands: 2 },
])('of 64 MiB in a group of $limitMib MiB, $hands hands', ({ limitMib, hands }) => {
  expect(budgetFor(1024, limitMib * 1024 * 1024).hands).toBe(hands);
});

test.each([
  { inTransfer: 1, blocks: 128 },
  { inTransfer: 4, blocks: 120 },
  { inTransfer: 8, blocks: 56 },
  { inTransfer: 16, blocks: 24 },
  { inTransfer: 29, blocks: 2 },
  { inTransfer: 100, blocks: 2 },
])('of 64 MiB, each of $inTransfer dumps in transfer is read $blocks blocks ahead', (row) => {
  expect(budgetFor(1024).aheadBlocks(row.inTransfer)).toBe(row.blocks);
});

test('what is fetched ahead for all dumps at once fits beside what is pinned, for every cache size', () => {
  const tooMuch = everySize((slots) => {
    const { hands, aheadBlocks } = budgetFor(slots);
    const each = BATCH_BLOCKS * BATCHES_IN_FLIGHT + UNALIGNED_READ_BLOCKS;
    return [1, 2, hands].every((dumps) => dumps * (each + aheadBlocks(dumps)) <= slots);
  });
  expect(tooMuch).toEqual([]);
});
