import { describe, expect, test } from 'vitest';
import { BLOCK_BYTES } from '../../../src/dump/arena.js';
import {
  BATCH_BLOCKS,
  BATCHES_IN_FLIGHT,
  MAX_READ_BYTES,
  MIN_SLOTS,
  pumpQuota,
} from '../../../src/dump/quota.js';

/** From the smallest cache to one of 4 GiB. */
const SIZES = Array.from({ length: 65_536 - MIN_SLOTS }, (_, at) => MIN_SLOTS + at);
const UNALIGNED_READ_BLOCKS = MAX_READ_BYTES / BLOCK_BYTES + 1;

function everySize(holds: (slots: number) => boolean): number[] {
  return SIZES.filter((slots) => !holds(slots));
}

describe('pumpQuota, for every cache size', () => {
  test('the quotas of all pumps fit into the arena', () => {
    const tooMuch = everySize((slots) => {
      const { pumps, extraPumps, waiterBlocks, pinnedWindowBlocks } = pumpQuota(slots);
      const each = BATCH_BLOCKS * BATCHES_IN_FLIGHT + waiterBlocks;
      return (pumps + extraPumps) * each + pinnedWindowBlocks <= slots;
    });
    expect(tooMuch).toEqual([]);
  });

  test('the longest unaligned read fits, and something can be fetched ahead', () => {
    const tooLittle = everySize((slots) => {
      const { waiterBlocks, windowBlocks } = pumpQuota(slots);
      return waiterBlocks >= UNALIGNED_READ_BLOCKS && windowBlocks(16) >= 1;
    });
    expect(tooLittle).toEqual([]);
  });

  test('2 to 16 dumps are in transfer at once, more only with more memory', () => {
    const pumps = SIZES.map((slots) => pumpQuota(slots).pumps);
    expect(pumps[0]).toBe(2);
    expect(pumps.at(-1)).toBe(16);
    expect(pumps).toEqual(pumps.toSorted((a, b) => a - b));
  });
});

test('the default cache of 64 MiB serves 16 dumps at once, and 13 more while others are stuck', () => {
  expect(pumpQuota(1024)).toMatchObject({
    pumps: 16,
    extraPumps: 13,
    waiterBlocks: 17,
    pinnedWindowBlocks: 67,
  });
});

test.each([
  { inTransfer: 1, blocks: 128 },
  { inTransfer: 4, blocks: 120 },
  { inTransfer: 8, blocks: 56 },
  { inTransfer: 16, blocks: 24 },
  { inTransfer: 29, blocks: 24 },
])('of 64 MiB, each of $inTransfer dumps in transfer is read $blocks blocks ahead', (row) => {
  expect(pumpQuota(1024).windowBlocks(row.inTransfer)).toBe(row.blocks);
});

test('what is fetched ahead for all dumps at once fits beside what is pinned, for every cache size', () => {
  const tooMuch = everySize((slots) => {
    const { pumps, windowBlocks } = pumpQuota(slots);
    const each = BATCH_BLOCKS * BATCHES_IN_FLIGHT + UNALIGNED_READ_BLOCKS;
    return [1, 2, pumps].every((dumps) => dumps * (each + windowBlocks(dumps)) <= slots);
  });
  expect(tooMuch).toEqual([]);
});
