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
      return waiterBlocks >= UNALIGNED_READ_BLOCKS && windowBlocks >= 1;
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

test('the default cache of 64 MiB serves 16 dumps at once, and as many again while others are stuck', () => {
  expect(pumpQuota(1024)).toEqual({
    pumps: 16,
    extraPumps: 16,
    waiterBlocks: 17,
    windowBlocks: 28,
    pinnedWindowBlocks: 224,
  });
});

test('what is fetched ahead for all dumps at once fits beside what is pinned, for every cache size', () => {
  const tooMuch = everySize((slots) => {
    const { pumps, windowBlocks } = pumpQuota(slots);
    return pumps * (BATCH_BLOCKS * BATCHES_IN_FLIGHT + UNALIGNED_READ_BLOCKS + windowBlocks) <= slots;
  });
  expect(tooMuch).toEqual([]);
});
