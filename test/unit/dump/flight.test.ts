import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BLOCK_BYTES, NO_SLOT } from '../../../src/dump/arena.js';
import type { Block } from '../../../src/dump/block-cache.js';
import { BlockCache, BlockOwner } from '../../../src/dump/block-cache.js';
import { Flight } from '../../../src/dump/flight.js';
import { BATCH_BLOCKS } from '../../../src/dump/quota.js';
import { FlightScene } from './support/flight-scene.js';
import { ScriptedDump } from './support/scripted-dump.js';

const B = BLOCK_BYTES;
const SLOTS = 4 * BATCH_BLOCKS;

/** A flight over a dump that starts at `offset`, with blocks to allocate and a way to land a batch. */
function flightAt(offset = 0) {
  const cache = new BlockCache(SLOTS * B);
  const owner = new BlockOwner();
  const flight = new Flight(cache);
  flight.restart(offset, 1);
  return {
    cache,
    owner,
    flight,
    send: (stopAt: number) => flight.next(stopAt, (index) => cache.allocate(owner, index)),
    land: (position: number, end?: number) => flight.land(position, end, () => false),
    pinsOf: (index: number) => owner.blocks.get(index)?.pins,
  };
}

describe('Flight.next', () => {
  test.each([
    { why: 'a whole batch', from: 0, stopAt: Infinity, firstBlock: 0, length: BATCH_BLOCKS, hasRoom: true },
    { why: 'up to a border', from: 0, stopAt: 2 * B, firstBlock: 0, length: 2, hasRoom: true },
    {
      why: 'into a block, which limits it',
      from: 0,
      stopAt: B + 1,
      firstBlock: 0,
      length: 2,
      hasRoom: false,
    },
    {
      why: 'from inside a block',
      from: 5 * B + 9,
      stopAt: Infinity,
      firstBlock: 5,
      length: BATCH_BLOCKS,
      hasRoom: true,
    },
  ])('sends $why', ({ from, stopAt, firstBlock, length, hasRoom }) => {
    const { flight, send } = flightAt(from);
    const fill = send(stopAt);
    expect(fill).toMatchObject({ op: 'fill', epoch: 1, firstBlock, stopAt });
    expect(fill.slots).toHaveLength(length);
    expect(flight.planned).toBe((firstBlock + length) * B);
    expect(flight.hasRoom).toBe(hasRoom);
  });

  test('gives no place to a block that a pass enters in its middle', () => {
    const { send, owner } = flightAt(5 * B + 9);
    expect(send(7 * B).slots[0]).toBe(NO_SLOT);
    expect([...owner.blocks.keys()]).toEqual([6]);
  });

  test('sends two batches at most', () => {
    const { flight, send } = flightAt();
    send(Infinity);
    send(Infinity);
    expect(flight.hasRoom).toBe(false);
    const behind = 2 * BATCH_BLOCKS;
    expect([flight.brings(0), flight.brings(behind - 1), flight.brings(behind)]).toEqual([true, true, false]);
  });
});

describe('Flight.land', () => {
  test('gives whole blocks back and goes on behind them', () => {
    const { flight, send, land, pinsOf } = flightAt();
    send(2 * B);
    expect(land(2 * B)).toBe(true);
    expect([pinsOf(0), pinsOf(1), flight.planned, flight.isEmpty]).toEqual([0, 0, 2 * B, true]);
  });

  test('leaves a pin to who wants to keep the block', () => {
    const { flight, send, pinsOf } = flightAt();
    send(2 * B);
    flight.land(2 * B, undefined, (block) => block.index === 1);
    expect([pinsOf(0), pinsOf(1)]).toEqual([0, 1]);
  });

  test('keeps the block in which the pass stopped, to go on with it', () => {
    const { flight, send, land, owner } = flightAt();
    const first = send(B + 1);
    land(B + 4096);
    expect(flight).toMatchObject({ planned: B + 4096, firstFreshBlock: 1, hasRoom: true });
    expect(owner.blocks.get(1)).toMatchObject({ filled: 4096, pins: 1 });
    expect(send(3 * B).slots[0]).toBe(first.slots[1]);
  });

  test('takes the block that ends the dump for whole', () => {
    const { send, land, owner } = flightAt();
    send(Infinity);
    land(B + 10, B + 10);
    expect([...owner.blocks.values()].map(({ filled, pins }) => [filled, pins])).toEqual([
      [B, 0],
      [10, 0],
    ]);
  });

  test('answers undefined when nothing was under way', () => {
    expect(flightAt().land(0)).toBeUndefined();
  });
});

describe('Flight, a pass that is given up', () => {
  test('keeps its pins until the thread has given the blocks back, and then only whole ones', () => {
    const { cache, flight, send, land, owner } = flightAt();
    send(Infinity);
    send(Infinity);
    flight.absorb(B + 5);
    flight.abandon(2);
    expect([flight.isTurning, flight.absorbed, cache.available]).toEqual([true, undefined, SLOTS / 2]);
    expect([...owner.blocks.keys()]).toEqual([0]);
    expect(land(B + 4096)).toBe(false);
    expect(land(B + 4096)).toBe(false);
    expect([flight.isTurning, flight.isEmpty, cache.available]).toEqual([false, true, SLOTS]);
    expect([...owner.blocks.keys()]).toEqual([0]);
  });

  test('makes room for a new pass over the same blocks at once', () => {
    const { flight, send, land, owner } = flightAt();
    const first = send(B);
    flight.restart(0, 2);
    const second = send(B);
    expect(second).toMatchObject({ epoch: 2, firstBlock: 0 });
    expect(second.slots).not.toEqual(first.slots);
    land(4096);
    expect(owner.blocks.get(0)?.slot).toBe(second.slots[0]);
  });

  test('offers nobody a block that was dropped and came back whole all the same', () => {
    const { cache, flight, send } = flightAt();
    send(B);
    flight.abandon(2);
    flight.land(B, undefined, () => true);
    expect(cache.available).toBe(SLOTS);
  });

  test('forgets the block in which it stopped', () => {
    const { cache, flight, send, land, owner } = flightAt();
    send(B);
    land(4096);
    flight.abandon(2);
    expect(owner.blocks.size).toBe(0);
    expect(cache.available).toBe(SLOTS);
  });

  test('after a failed call keeps what the failed batch brought', () => {
    const { flight, send, land, owner } = flightAt();
    send(Infinity);
    send(Infinity);
    flight.abandonRest(2);
    expect(land(B + 4096)).toBe(true);
    expect(flight.isTurning).toBe(true);
    expect(land(B + 4096)).toBe(false);
    expect(flight).toMatchObject({ isEmpty: true, isTurning: false, planned: B + 4096 });
    expect([...owner.blocks.values()].map(({ filled, pins }) => [filled, pins])).toEqual([
      [B, 0],
      [4096, 1],
    ]);
  });

  test('after a crash keeps nothing that was under way, and no pin', () => {
    const { cache, flight, send, owner } = flightAt();
    send(Infinity);
    send(Infinity);
    flight.crash();
    expect([flight.isEmpty, owner.blocks.size, cache.available]).toEqual([true, 0, SLOTS]);
  });
});

describe('Flight and PumpStream together', () => {
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        op: fc.constant('feed' as const),
        stopIn: fc.oneof(fc.integer({ min: 1, max: 6 * B }), fc.constant(Infinity)),
        skip: fc.integer({ min: 1, max: 5 }),
      }),
    },
    { weight: 5, arbitrary: fc.record({ op: fc.constantFrom('run', 'run', 'absorb', 'releaseKept') }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('restart', 'abandon') }) },
  );
  const meddling = fc.record({
    calls: fc.array(fc.nat(100), { maxLength: 3 }),
    op: fc.constantFrom('absorb', 'abandon', 'restart'),
  });
  const plan = fc.record({
    sizeBytes: fc.integer({ min: 1, max: 7 * B }),
    chunks: fc
      .array(fc.constantFrom(0, 4096, 4000, 3000, B), { minLength: 1, maxLength: 5 })
      .filter(isMoving),
    endsWithBytes: fc.boolean(),
    failures: fc.array(fc.nat(150), { maxLength: 3 }),
  });

  test("never list a byte that is not the dump's, and give every pin back", () => {
    fc.assert(
      fc.property(plan, meddling, fc.array(step, { maxLength: 40 }), (dumpPlan, meddle, steps) => {
        const scene = new FlightScene(new ScriptedDump(dumpPlan));
        scene.dump.onCall = () => {
          if (meddle.calls.includes(scene.dump.calls.length)) scene[meddle.op]();
        };
        for (const each of steps) {
          if (each.op === 'feed') scene.feed(each.stopIn, (index) => index % each.skip === 0);
          else scene[each.op]();
        }
        while (scene.run());
        scene.abandon();
        scene.releaseKept();
        expect(scene.flight.isEmpty).toBe(true);
        expect([...scene.owner.blocks.values()].filter((block: Block) => block.pins > 0)).toEqual([]);
        expect(scene.cache.available).toBe(scene.cache.arena.slots);
      }),
      { numRuns: 200 },
    );
  });
});

function isMoving(chunks: readonly number[]): boolean {
  return chunks.some((bytes) => bytes > 0);
}
