import { describe, expect, test } from 'vitest';
import { Arena, BLOCK_BYTES, slotViews } from '../../../src/memory/arena.js';

const MIB = 1024 ** 2;

test.each([
  { sizeBytes: 0, slots: 0, slabs: 0 },
  { sizeBytes: BLOCK_BYTES - 1, slots: 0, slabs: 0 },
  { sizeBytes: BLOCK_BYTES, slots: 1, slabs: 1 },
  { sizeBytes: 3 * BLOCK_BYTES + 17, slots: 3, slabs: 1 },
  { sizeBytes: 64 * MIB, slots: 1024, slabs: 1 },
  { sizeBytes: 64 * MIB + BLOCK_BYTES, slots: 1025, slabs: 2 },
  { sizeBytes: 130 * MIB, slots: 2080, slabs: 3 },
])('an arena of $sizeBytes bytes has $slots slots in $slabs slabs', ({ sizeBytes, slots, slabs }) => {
  const arena = new Arena(sizeBytes);
  expect(arena.slots).toBe(slots);
  expect(arena.slabs).toHaveLength(slabs);
  expect(arena.slabs.reduce((sum, slab) => sum + slab.byteLength, 0)).toBe(slots * BLOCK_BYTES);
});

describe('Arena slots', () => {
  test('each has its own memory, across slabs too', () => {
    const arena = new Arena(64 * MIB + 2 * BLOCK_BYTES);
    const slots = [0, 1, 1023, 1024, 1025];
    for (const slot of slots) arena.view(slot).fill(slot % 251);
    for (const slot of slots) {
      expect(arena.view(slot)).toHaveLength(BLOCK_BYTES);
      expect(new Set(arena.view(slot))).toEqual(new Set([slot % 251]));
    }
  });

  test('slotViews sees them under the same numbers from the slabs alone', () => {
    const arena = new Arena(64 * MIB + BLOCK_BYTES);
    const views = slotViews(arena.slabs);
    expect(views).toHaveLength(arena.slots);
    views[1024]![7] = 42;
    expect(arena.view(1024)[7]).toBe(42);
  });

  test('wipe overwrites one slot whole and no other', () => {
    const arena = new Arena(3 * BLOCK_BYTES);
    for (const slot of [0, 1, 2]) arena.view(slot).fill(0xff);
    arena.wipe(1);
    expect([0, 1, 2].map((slot) => [...new Set(arena.view(slot))])).toEqual([[0xff], [0], [0xff]]);
  });

  test.each([-1, 2, 0.5, NaN])('there is no slot %d in an arena of 2', (slot) => {
    const arena = new Arena(2 * BLOCK_BYTES);
    expect(() => arena.view(slot)).toThrow(new RangeError(`no slot ${slot} in an arena of 2`));
    expect(() => arena.wipe(slot)).toThrow(RangeError);
  });
});
