import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Control } from '../../../src/transfer/protocol.js';

/** The two sides of one control block, as both threads see it. */
function bothSides(): { store: Control; thread: Control } {
  const store = new Control();
  return { store, thread: new Control(store.buffer) };
}

describe('Control', () => {
  test.each([0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 7, 5 * 2 ** 40, Number.MAX_SAFE_INTEGER])(
    'carries position %d to the other side',
    (offset) => {
      const { store, thread } = bothSides();
      thread.begin(7, offset);
      expect(store.positionOf(7)).toBe(offset);
      expect(store.positionOf(8)).toBeUndefined();
    },
  );

  test('carries positions in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeNat(), { minLength: 1 }), (offsets) => {
        const { store, thread } = bothSides();
        const seen = offsets.map((offset) => {
          thread.begin(7, 0);
          thread.moveTo(offset);
          return store.positionOf(7);
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

  test('says which pass is wanted, and which one the position belongs to', () => {
    const { store, thread } = bothSides();
    store.want(3);
    expect([thread.isWanted(3), thread.isWanted(4)]).toEqual([true, false]);
    thread.begin(3, 100);
    expect([store.positionOf(3), store.positionOf(4)]).toEqual([100, undefined]);
    thread.begin(4, 7);
    expect([store.positionOf(3), store.positionOf(4)]).toEqual([undefined, 7]);
  });

  test('its words do not overlap', () => {
    const { store, thread } = bothSides();
    store.wakeAt(2 ** 52 + 1);
    store.want(5);
    thread.begin(6, 2 ** 52 - 1);
    const { calls } = store;
    expect([store.positionOf(6), thread.isWanted(5)]).toEqual([2 ** 52 - 1, true]);
    expect([thread.moveTo(2 ** 52), thread.moveTo(2 ** 52 + 1)]).toEqual([false, true]);
    thread.countCall();
    expect([store.positionOf(6), thread.isWanted(5), store.calls]).toEqual([2 ** 52 + 1, true, calls + 1]);
  });
});
