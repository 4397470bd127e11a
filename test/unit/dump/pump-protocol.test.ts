import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Control } from '../../../src/dump/pump-protocol.js';

/** The two sides of one control block, as store and pump thread see it. */
function bothSides(): { store: Control; thread: Control } {
  const store = new Control();
  return { store, thread: new Control(store.buffer) };
}

describe('Control', () => {
  test.each([0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 7, 5 * 2 ** 40, Number.MAX_SAFE_INTEGER])(
    'carries position %d to the other side',
    (offset) => {
      const { store, thread } = bothSides();
      thread.position = offset;
      expect(store.position).toBe(offset);
    },
  );

  test('carries positions in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeNat(), { minLength: 1 }), (offsets) => {
        const { store, thread } = bothSides();
        const seen = offsets.map((offset) => {
          thread.position = offset;
          return store.position;
        });
        expect(seen).toEqual(offsets);
      }),
    );
  });

  test('wakes once, when the position reaches the wanted offset or passes it', () => {
    const offsets = fc.array(fc.nat(2 ** 40), { maxLength: 20 });
    fc.assert(
      fc.property(offsets, fc.nat(2 ** 40), (all, wakeAt) => {
        const { store, thread } = bothSides();
        store.wakeAt(wakeAt);
        const woken = all.filter((offset) => thread.moveTo(offset));
        const reached = all.find((offset) => offset >= wakeAt);
        expect(woken).toEqual(reached === undefined ? [] : [reached]);
      }),
    );
  });

  test('wakes nobody who never asked, whichever side looks first', () => {
    const { thread } = bothSides();
    expect(thread.moveTo(0)).toBe(false);
    expect(thread.moveTo(Number.MAX_SAFE_INTEGER)).toBe(false);
  });

  test('keeps a wish that was made before the other side looked', () => {
    const store = new Control();
    store.wakeAt(5);
    expect(new Control(store.buffer).moveTo(5)).toBe(true);
  });

  test('wakes again after the next wakeAt, a lower one too', () => {
    const { store, thread } = bothSides();
    store.wakeAt(100);
    expect(thread.moveTo(100)).toBe(true);
    store.wakeAt(50);
    expect(thread.moveTo(60)).toBe(true);
    expect(thread.moveTo(60)).toBe(false);
  });

  test('wakes nobody who takes the wish back', () => {
    const { store, thread } = bothSides();
    store.wakeAt(100);
    store.wakeAt(undefined);
    expect(thread.moveTo(Number.MAX_SAFE_INTEGER)).toBe(false);
  });

  test('nextEpoch returns the epoch that both sides see from then on', () => {
    const { store, thread } = bothSides();
    const before = thread.epoch;
    const epoch = store.nextEpoch();
    expect(epoch).not.toBe(before);
    expect([store.epoch, thread.epoch]).toEqual([epoch, epoch]);
    expect(store.nextEpoch()).not.toBe(epoch);
  });

  test('its words do not overlap', () => {
    const { store, thread } = bothSides();
    store.wakeAt(2 ** 52 + 1);
    const epoch = store.nextEpoch();
    thread.position = 2 ** 52 - 1;
    expect([store.position, store.epoch]).toEqual([2 ** 52 - 1, epoch]);
    expect([thread.moveTo(2 ** 52), thread.moveTo(2 ** 52 + 1)]).toEqual([false, true]);
    expect([store.position, store.epoch]).toEqual([2 ** 52 + 1, epoch]);
  });
});
