import { getEventListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { FsError } from '../../../src/base/errno.js';
import { BLOCK_BYTES } from '../../../src/memory/arena.js';
import type { Block } from '../../../src/memory/block-cache.js';
import { BlockCache, BlockOwner } from '../../../src/memory/block-cache.js';
import type { Progress, Want } from '../../../src/transfer/pending-reads.js';
import { PendingRead, PendingReads } from '../../../src/transfer/pending-reads.js';
import type { Need } from '../../../src/transfer/schedule.js';

const B = BLOCK_BYTES;
const NOWHERE: Progress = { highWater: 0, end: undefined };

function want(start: number, end: number, until = 0): Want {
  return { start, end, until };
}

const ignore = (): void => undefined;

describe('PendingRead.missing', () => {
  test.each<{
    why: string;
    want: Want;
    pinned?: readonly number[];
    progress?: Partial<Progress>;
    need: Need | undefined;
  }>([
    { why: 'nothing is there', want: want(10, 20), need: { kind: 'block', offset: 0 } },
    { why: 'the first gap counts', want: want(0, 3 * B), pinned: [0, 2], need: { kind: 'block', offset: B } },
    { why: 'all blocks are there', want: want(B - 1, B + 1), pinned: [0, 1], need: undefined },
    { why: 'a range that ends on a border needs no more', want: want(0, B), pinned: [0], need: undefined },
    {
      why: 'the dump ends inside the range',
      want: want(B, 4 * B),
      pinned: [1],
      progress: { end: B + 5 },
      need: undefined,
    },
    { why: 'the range lies behind the end', want: want(5 * B, 6 * B), progress: { end: B }, need: undefined },
    {
      why: 'the range begins at the end',
      want: want(B + 5, 2 * B),
      progress: { end: B + 5 },
      need: undefined,
    },
    {
      why: 'no bytes, but a position',
      want: want(0, 0, 100),
      progress: { highWater: 99 },
      need: { kind: 'position', offset: 99 },
    },
    { why: 'the position is reached', want: want(0, 0, 100), progress: { highWater: 100 }, need: undefined },
    {
      why: 'the end itself',
      want: want(0, 0, Infinity),
      progress: { highWater: 2 ** 40 },
      need: { kind: 'position', offset: 2 ** 40 },
    },
    {
      why: 'the end is known',
      want: want(0, 0, Infinity),
      progress: { highWater: 7, end: 7 },
      need: undefined,
    },
    { why: 'bytes come before the position', want: want(0, B, 2 * B), need: { kind: 'block', offset: 0 } },
    {
      why: 'bytes are there, the position is not',
      want: want(0, B, B + 1),
      pinned: [0],
      progress: { highWater: B },
      need: { kind: 'position', offset: B },
    },
  ])('$why', ({ want: wanted, pinned = [], progress, need }) => {
    const read = new PendingRead(wanted, ignore, ignore);
    for (const index of pinned) read.pinned.set(index, {} as Block);
    expect(read.missing({ ...NOWHERE, ...progress })).toEqual(need);
  });
});

test.each([
  { want: want(0, 100, 0), goal: 100 },
  { want: want(0, 100, 101), goal: 101 },
  { want: want(0, 0, Infinity), goal: Infinity },
])('PendingRead.goal of $want is $goal', ({ want: wanted, goal }) => {
  expect(new PendingRead(wanted, ignore, ignore).goal).toBe(goal);
});

/** A cache with one dump, and readers whose answers are written down. */
class Scene {
  readonly cache = new BlockCache(12 * B);
  readonly owner = new BlockOwner();
  readonly reads: PendingReads;
  /** Indexes of the blocks that a reader got, or its errno. */
  readonly answers: Record<string, readonly number[] | string> = {};
  /** Who left, as the owner of the reads hears of it. */
  readonly left: string[] = [];

  constructor(quotaBlocks: number) {
    this.reads = new PendingReads(this.cache, this.owner, quotaBlocks);
  }

  /** A block that is in the cache and that nobody uses. */
  arrive(index: number, filled = B): Block {
    const block = this.cache.allocate(this.owner, index);
    block.filled = filled;
    this.cache.unpin(block);
    return block;
  }

  /** @returns what interrupts this reader */
  wait(name: string, wanted: Want, abort = new AbortController()): AbortController {
    this.reads
      .wait(wanted, abort.signal, () => this.left.push(name))
      .then(
        (blocks) => (this.answers[name] = [...blocks.keys()]),
        (error: unknown) => (this.answers[name] = FsError.from(error).code),
      );
    return abort;
  }

  /** Brings readers up to date, and lets them take their answers. */
  async settle(progress: Progress = NOWHERE, mayHold = true): Promise<void> {
    this.reads.settle(progress, mayHold);
    await setImmediate();
  }

  get pins(): Record<number, number> {
    return Object.fromEntries([...this.owner.blocks].map(([index, block]) => [index, block.pins]));
  }
}

describe('PendingReads.settle', () => {
  test('answers who has everything, with one pin for each block', async () => {
    const scene = new Scene(10);
    scene.wait('all', want(0, 2 * B));
    scene.wait('one', want(B + 3, B + 4));
    scene.wait('more', want(B, 3 * B));
    for (const index of [0, 1]) scene.arrive(index);
    await scene.settle();
    expect(scene.answers).toEqual({ all: [0, 1], one: [1] });
    expect(scene.reads.size).toBe(1);
    expect(scene.pins).toEqual({ 0: 1, 1: 3 });
  });

  test('keeps what arrived for a read from being evicted, once', async () => {
    const scene = new Scene(10);
    scene.wait('both', want(0, 2 * B));
    scene.arrive(0);
    for (let times = 0; times < 3; times += 1) await scene.settle();
    expect(scene.pins).toEqual({ 0: 1 });
    expect(scene.answers).toEqual({});
  });

  test.each([
    { why: 'a block that is still filling is not there', filled: 99, end: undefined, there: false },
    { why: 'enough of it is there', filled: 100, end: undefined, there: true },
    { why: 'the dump ends before the range does', filled: 60, end: B + 60, there: true },
    { why: 'the dump ends later than the block is filled', filled: 60, end: B + 61, there: false },
  ])('$why', async ({ filled, end, there }) => {
    const scene = new Scene(10);
    scene.wait('reader', want(B + 10, B + 100));
    scene.arrive(1, filled);
    await scene.settle({ highWater: B + filled, end });
    expect('reader' in scene.answers).toBe(there);
  });

  test('answers an empty range at once, and one behind the end with nothing', async () => {
    const scene = new Scene(10);
    scene.wait('empty', want(5, 5));
    scene.wait('behind', want(9 * B, 10 * B));
    await scene.settle();
    expect(scene.answers).toEqual({ empty: [] });
    await scene.settle({ highWater: B, end: B });
    expect(scene.answers).toEqual({ empty: [], behind: [] });
  });

  test('pins no more than the quota for those who wait', async () => {
    const scene = new Scene(4);
    scene.wait('first', want(0, 3 * B));
    scene.wait('second', want(4 * B, 7 * B));
    for (const index of [0, 1, 4, 5, 6]) scene.arrive(index);
    await scene.settle();
    expect(scene.answers).toEqual({});
    expect(scene.pins).toEqual({ 0: 1, 1: 1, 4: 0, 5: 0, 6: 0 });
    scene.arrive(2);
    await scene.settle();
    expect(scene.answers).toEqual({ first: [0, 1, 2], second: [4, 5, 6] });
  });

  test('answers all at once who wait for the same bytes: nobody is left to ask for them anew', async () => {
    const scene = new Scene(4);
    for (const name of ['a', 'b', 'c']) scene.wait(name, want(0, 3 * B));
    for (const index of [0, 1, 2]) scene.arrive(index);
    await scene.settle();
    expect(scene.answers).toEqual({ a: [0, 1, 2], b: [0, 1, 2], c: [0, 1, 2] });
  });

  test('lets a small later one pass where the quota has room', async () => {
    const scene = new Scene(4);
    scene.wait('first', want(0, 3 * B));
    scene.wait('too much', want(4 * B, 6 * B));
    scene.wait('small', want(8 * B, 8 * B + 1));
    for (const index of [4, 5, 8]) scene.arrive(index);
    await scene.settle();
    expect(scene.answers).toEqual({ small: [8] });
  });

  test('takes no quota for who is answered: those behind may have everything, too', async () => {
    const scene = new Scene(2);
    for (const index of [0, 1, 2, 3, 4, 5]) scene.arrive(index);
    scene.wait('a', want(0, 2 * B));
    scene.wait('b', want(2 * B, 4 * B));
    scene.wait('c', want(4 * B, 6 * B));
    await scene.settle();
    expect(scene.answers).toEqual({ a: [0, 1], b: [2, 3], c: [4, 5] });
  });

  test('holds nothing for who still waits when nothing may be held', async () => {
    const scene = new Scene(10);
    scene.wait('whole', want(0, B));
    scene.wait('part', want(0, 2 * B));
    scene.arrive(0);
    await scene.settle(NOWHERE, false);
    expect(scene.answers).toEqual({ whole: [0] });
    expect(scene.pins).toEqual({ 0: 1 });
    scene.arrive(1);
    await scene.settle(NOWHERE, false);
    expect(scene.answers).toEqual({ whole: [0], part: [0, 1] });
  });

  test('always serves the oldest, even beyond the quota', async () => {
    const scene = new Scene(1);
    scene.wait('first', want(0, 3 * B));
    for (const index of [0, 1, 2]) scene.arrive(index);
    await scene.settle();
    expect(scene.answers).toEqual({ first: [0, 1, 2] });
  });
});

describe('PendingReads.wait, interrupted', () => {
  test('leaves with EINTR, gives its pins back and takes nothing from others', async () => {
    const scene = new Scene(10);
    const leaver = scene.wait('leaver', want(0, 2 * B));
    scene.wait('stays', want(0, 2 * B));
    scene.arrive(0);
    await scene.settle();
    leaver.abort();
    expect(scene.left).toEqual(['leaver']);
    expect(scene.pins).toEqual({ 0: 1 });
    scene.arrive(1);
    await scene.settle();
    expect(scene.answers).toEqual({ leaver: 'EINTR', stays: [0, 1] });
  });

  test('before it began: EINTR without ever waiting', async () => {
    const scene = new Scene(10);
    const aborted = new AbortController();
    aborted.abort();
    scene.wait('late', want(0, B), aborted);
    expect(scene.reads.size).toBe(0);
    scene.arrive(0);
    await scene.settle();
    expect(scene.answers).toEqual({ late: 'EINTR' });
    expect(scene.pins).toEqual({ 0: 0 });
  });

  test('after its answer: nothing, the pins belong to the reader', async () => {
    const scene = new Scene(10);
    const reader = scene.wait('reader', want(0, B));
    scene.arrive(0);
    scene.reads.settle(NOWHERE);
    reader.abort();
    await scene.settle();
    expect(scene.answers).toEqual({ reader: [0] });
    expect(scene.left).toEqual([]);
    expect(scene.pins).toEqual({ 0: 1 });
  });
});

test.each([
  { why: 'an answer', settle: (scene: Scene) => void scene.arrive(0) },
  { why: 'a failure', settle: (scene: Scene) => scene.reads.fail(new FsError('EIO', 'failed')) },
])('PendingReads.wait leaves nothing behind on its signal after $why', async ({ settle }) => {
  const scene = new Scene(10);
  const { signal } = scene.wait('reader', want(0, B));
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  settle(scene);
  await scene.settle();
  expect(Object.keys(scene.answers)).toEqual(['reader']);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

describe('PendingReads.fail', () => {
  const error = new FsError('EIO', 'hardware error');

  test('answers all with the error and gives their pins back', async () => {
    const scene = new Scene(10);
    scene.wait('a', want(0, 2 * B));
    const abort = scene.wait('b', want(B, 2 * B));
    scene.arrive(0);
    await scene.settle();
    scene.reads.fail(error);
    abort.abort();
    await scene.settle();
    expect(scene.answers).toEqual({ a: 'EIO', b: 'EIO' });
    expect(scene.left).toEqual([]);
    expect(scene.pins).toEqual({ 0: 0 });
    expect(scene.reads.size).toBe(0);
  });

  test('answers only those that are hit, and the others stay in order', async () => {
    const scene = new Scene(10);
    scene.wait('a', want(0, B));
    scene.wait('hit', want(5 * B, 6 * B));
    scene.wait('c', want(B, 2 * B));
    scene.reads.fail(error, (read) => read.firstBlock >= 5);
    await scene.settle();
    expect(scene.answers).toEqual({ hit: 'EIO' });
    expect(scene.reads.all().map((read) => read.want.start)).toEqual([0, B]);
    expect(scene.reads.oldest?.want.start).toBe(0);
  });
});

describe('PendingReads, what they are for', () => {
  test.each([
    { index: 0, end: undefined, wanted: false },
    { index: 1, end: undefined, wanted: true },
    { index: 2, end: undefined, wanted: true },
    { index: 3, end: undefined, wanted: false },
    { index: 2, end: 2 * B, wanted: false },
    { index: 2, end: 2 * B + 1, wanted: true },
  ])('want($index) of a dump that ends at $end is $wanted', ({ index, end, wanted }) => {
    const scene = new Scene(10);
    scene.wait('reader', want(2 * B - 1, 2 * B + 1));
    scene.wait('measures', want(0, 0, Infinity));
    expect(scene.reads.want(index, { highWater: 0, end })).toBe(wanted);
  });

  test.each([
    { position: 0, goal: 7 },
    { position: 7, goal: 100 },
    { position: 99, goal: 100 },
    { position: 100, goal: 201 },
    { position: 201, goal: undefined },
  ])('nextGoal($position) is $goal', ({ position, goal }) => {
    const scene = new Scene(10);
    scene.wait('far', want(0, 200, 201));
    scene.wait('near', want(50, 100));
    scene.wait('nothing', want(7, 7));
    expect(scene.reads.nextGoal(position)).toBe(goal);
  });

  test('nextGoal of one who waits for the end itself is none', () => {
    const scene = new Scene(10);
    scene.wait('measures', want(0, 0, Infinity));
    expect(scene.reads.nextGoal(0)).toBeUndefined();
  });
});
