import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { SharedSlots } from '../../../src/base/shared-slots.js';
import { compiled } from '../../support/compiled.js';

const SLOTS = 8;
const OWNER = 3;

/** The keeper's side, and the other thread's. */
function bothSides(): { keeper: SharedSlots; other: SharedSlots } {
  const keeper = new SharedSlots(SLOTS);
  return { keeper, other: new SharedSlots(keeper.data) };
}

describe('SharedSlots', () => {
  test('gives a slot that is published, and none that was withdrawn', () => {
    const { keeper, other } = bothSides();
    keeper.publish(OWNER, 7, 5);
    expect(other.take(OWNER, 7)).toBe(5);
    other.giveBack(5);
    expect([other.take(OWNER, 8), other.take(OWNER + 1, 7)]).toEqual([undefined, undefined]);
    keeper.withdraw(OWNER, 7, 5);
    expect(other.take(OWNER, 7)).toBeUndefined();
  });

  test('finds the later of two keys that fall into one place', () => {
    const { keeper, other } = bothSides();
    keeper.publish(OWNER, 1, 2);
    keeper.publish(OWNER, 1 + 4 * SLOTS, 3);
    expect([other.take(OWNER, 1), other.take(OWNER, 1 + 4 * SLOTS)]).toEqual([undefined, 3]);
    other.giveBack(3);
    // That the first one is withdrawn does not touch the second one.
    keeper.withdraw(OWNER, 1, 2);
    expect(other.take(OWNER, 1 + 4 * SLOTS)).toBe(3);
  });

  test('says once that a slot was read', () => {
    const { keeper, other } = bothSides();
    keeper.publish(OWNER, 0, 1);
    other.take(OWNER, 0);
    expect([keeper.wasTouched(1), keeper.wasTouched(1), keeper.wasTouched(0)]).toEqual([true, false, false]);
  });

  test('gives nothing once it is closed, and does not open again', () => {
    const { keeper, other } = bothSides();
    keeper.publish(OWNER, 0, 1);
    keeper.close();
    keeper.publish(OWNER, 2, 2);
    expect([other.take(OWNER, 0), other.take(OWNER, 2)]).toEqual([undefined, undefined]);
  });

  test.each([0, 1, 2 ** 31, 2 ** 32 - 1, 64 * 2 ** 30 + 5])('keeps the end of a lease: %d', (end) => {
    const { keeper, other } = bothSides();
    expect(other.isLeased).toBe(false);
    keeper.grant(9, { owner: OWNER, end });
    expect([other.isLeased, other.leaseOf(9), other.leaseOf(8)]).toEqual([
      true,
      { owner: OWNER, end },
      undefined,
    ]);
  });

  test('forgets a lease for a later one that falls into its place', () => {
    const { keeper, other } = bothSides();
    keeper.grant(9, { owner: OWNER, end: 1 });
    keeper.grant(9 + 1024, { owner: OWNER, end: 2 });
    expect([other.leaseOf(9), other.leaseOf(9 + 1024)?.end]).toEqual([undefined, 2]);
  });
});

/** Takes slots as fast as it can and looks whether what is in them is what the key says. */
const READER = `
  const { workerData, parentPort } = require('node:worker_threads');
  import(workerData.module).then(({ SharedSlots }) => {
    const slots = new SharedSlots(workerData.data);
    const words = new Int32Array(workerData.words);
    let read = 0, wrong = 0;
    parentPort.postMessage('ready');
    for (const stop = words.length - 1; Atomics.load(words, stop) === 0; ) {
      for (let index = 0; index < 4; index += 1) {
        const slot = slots.take(1, index);
        if (slot === undefined) continue;
        for (let looks = 0; looks < 20; looks += 1) if (words[slot] !== index + 1) wrong += 1;
        slots.giveBack(slot);
        read += 1;
      }
    }
    parentPort.postMessage({ read, wrong });
  });
`;

test('SharedSlots: nobody reads a slot that is being reused', async () => {
  const keeper = new SharedSlots(2);
  const words = new Int32Array(new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT));
  const module = compiled('base/shared-slots.js');
  const workerData = { module, data: keeper.data, words: words.buffer };
  const worker = new Worker(READER, { eval: true, workerData });
  await once(worker, 'message');
  for (let turn = 0; turn < 100_000; turn += 1) {
    const [slot, index] = [turn % 2, turn % 4];
    words[slot] = index + 1;
    keeper.publish(1, index, slot);
    keeper.withdraw(1, index, slot);
    words[slot] = -1;
  }
  // Something to be found by a thread that was slow.
  words[0] = 1;
  keeper.publish(1, 0, 0);
  const ended = once(worker, 'message');
  setTimeout(() => Atomics.store(words, 2, 1), 50);
  const [{ read, wrong }] = (await ended) as [{ read: number; wrong: number }];
  await worker.terminate();
  expect(wrong).toBe(0);
  expect(read).toBeGreaterThan(0);
});
