import { describe, expect, test } from 'vitest';
import { dumpTag } from '../../src/base/tag.js';
import type { Dump } from '../../src/dump/index.js';
import { BLOCK_BYTES, MIN_SLOTS } from '../../src/memory/index.js';
import { LOOK_MS } from '../../src/transfer/pool.js';
import { sampleBytes } from '../support/bare.js';
import { Reading, settled, TransferBench } from '../support/transfer-bench.js';

const CHUNK = 4096;
const CALLS_PER_BLOCK = BLOCK_BYTES / CHUNK;
/** Twice the memory: nothing stays until it is asked for again. */
const GREEDY_BLOCKS = 2 * MIN_SLOTS;
const POLITE_BLOCKS = 12;
/** As long as a firmware call takes, in a time that only calls make pass. */
const CALL_MS = 1;

/** Where a greedy reader reads next. */
type Habit = (turn: number) => number;

/**
 * One thread for two dumps: readers of the one always want more, the other one is read once. What they get is counted in
 * firmware calls, so that it is the same on every machine.
 */
class Scene {
  readonly bench: TransferBench;
  readonly greedy: Dump;
  readonly polite: Dump;
  readonly #calls: ('greedy' | 'polite')[] = [];
  readonly #readings: { reading: Reading; turn: number; next: Habit }[] = [];

  constructor(resumable: boolean) {
    this.bench = new TransferBench({ resumable, slots: MIN_SLOTS, atWork: 1, hands: 1 });
    this.greedy = this.#dump('greedy', 1n, GREEDY_BLOCKS);
    this.polite = this.#dump('polite', 2n, POLITE_BLOCKS);
  }

  #dump(who: 'greedy' | 'polite', tag: bigint, blocks: number): Dump {
    const fault = (): undefined => {
      this.#calls.push(who);
      this.bench.nowMs += CALL_MS;
    };
    return this.bench.dump(dumpTag(tag), {
      bytes: sampleBytes(blocks * BLOCK_BYTES),
      chunk: () => CHUNK,
      fault,
    });
  }

  addGreedy(next: Habit): void {
    this.#readings.push({ reading: this.#greedyReading(next, 0), turn: 0, next });
  }

  /** Lets one step happen; whoever is greedy and has an answer asks again at once. */
  async step(): Promise<void> {
    for (const reader of this.#readings)
      if (reader.reading.isAnswered) {
        expect(reader.reading.errno).toBeUndefined();
        reader.turn += 1;
        reader.reading = this.#greedyReading(reader.next, reader.turn);
      }
    for (const thread of this.bench.busy) thread.step();
    await settled();
    this.bench.pool.look();
  }

  #greedyReading(next: Habit, turn: number): Reading {
    return new Reading(this.greedy, next(turn) * BLOCK_BYTES, CHUNK);
  }

  /** Calls so far. */
  get calls(): readonly ('greedy' | 'polite')[] {
    return this.#calls;
  }
}

/** Most calls for the greedy one in a row. */
function longestWait(calls: readonly string[]): number {
  const gaps = calls
    .join(' ')
    .split('polite')
    .map((gap) => gap.trim());
  return Math.max(...gaps.map((gap) => (gap === '' ? 0 : gap.split(' ').length)));
}

const HABITS: Record<string, readonly Habit[]> = {
  'one that reads on': [(turn) => turn % GREEDY_BLOCKS],
  'three that jump about': [1, 2, 3].map(
    (index) => (turn: number) => (turn * 29 + index * 17) % GREEDY_BLOCKS,
  ),
};

describe.each([
  { source: 'papr', resumable: false },
  { source: 'librtas', resumable: true },
])('with one thread and $source, beside readers that always want more', ({ resumable }) => {
  test.each(Object.entries(HABITS))('%s, another dump is read to its end', async (_, habits) => {
    const scene = new Scene(resumable);
    for (const habit of habits) scene.addGreedy(habit);
    for (let steps = 0; steps < 100; steps += 1) await scene.step();
    const before = scene.calls.length;
    let waited = 0;
    for (let block = 0; block < POLITE_BLOCKS; block += 1) {
      const reading = new Reading(scene.polite, block * BLOCK_BYTES, BLOCK_BYTES);
      while (!reading.isAnswered) {
        await scene.step();
        expect(scene.calls.length).toBeLessThan(before + 20_000);
      }
      expect(reading.errno).toBeUndefined();
      if (block === 0) waited = scene.calls.indexOf('polite', before) - before;
    }
    expect(waited, 'calls before its first byte').toBeLessThanOrEqual(1);
    // One that has had its time goes on until its oldest read is answered: at worst once through its dump.
    expect(longestWait(scene.calls.slice(before))).toBeLessThanOrEqual(GREEDY_BLOCKS * CALLS_PER_BLOCK);
  });
});

test.each([
  { source: 'papr', resumable: false },
  { source: 'librtas', resumable: true },
])(
  'a dump whose pass another one is about to close waits for that, and for nothing else: $source',
  async ({ resumable }) => {
    const bench = new TransferBench({ resumable, slots: MIN_SLOTS, hands: 3, passes: 2 });
    const bytes = sampleBytes(POLITE_BLOCKS * BLOCK_BYTES);
    const dumps = [1n, 2n, 3n].map((tag) => bench.dump(dumpTag(tag), { bytes, chunk: () => CHUNK }));
    const [first, second, third] = dumps as [Dump, Dump, Dump];
    for (const dump of [first, second]) {
      const begun = new Reading(dump, 0, CHUNK);
      await bench.run();
      expect(begun.errno).toBeUndefined();
    }
    const late = new Reading(third, 0, CHUNK);
    await settled();
    const [closer] = bench.busy;
    const again = new Reading(first, (POLITE_BLOCKS - 1) * BLOCK_BYTES, CHUNK);
    await settled();
    // A second thread is started where the first is not heard of for a while.
    bench.nowMs += LOOK_MS;
    bench.pool.look();
    await settled();
    const runOthers = async (): Promise<void> => {
      for (let other = bench.busy.find((thread) => thread !== closer); other !== undefined;) {
        other.step();
        await settled();
        other = bench.busy.find((thread) => thread !== closer);
      }
    };
    await runOthers();
    expect(again.isAnswered).toBe(false);
    // It says that it is closed, and nothing of what it does next.
    closer?.work();
    closer?.say();
    await settled();
    bench.nowMs += LOOK_MS;
    bench.pool.look();
    await settled();
    await runOthers();
    expect([closer?.canSay, again.isAnswered]).toEqual([true, true]);
    await bench.run();
    expect([late.errno, again.errno]).toEqual([undefined, undefined]);
    expect(again.bytes?.equals(Buffer.from(bytes.subarray(again.start, again.start + CHUNK)))).toBe(true);
  },
);
