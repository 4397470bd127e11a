import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dumpTag } from '../../src/base/tag.js';
import type { Dump } from '../../src/dump/dump.js';
import { IDLE_CLOSE_MS } from '../../src/transfer/transfer.js';
import { BLOCK_BYTES, MIN_SLOTS } from '../../src/memory/index.js';
import { sampleBytes } from '../support/bare.js';
import type { ScriptedDump } from '../support/transfer-bench.js';
import { TransferBench, Reading, settled } from '../support/transfer-bench.js';

const DUMPS = 3;
const MOST_BYTES = 40 * BLOCK_BYTES;
const CONTENT = sampleBytes(MOST_BYTES, 7);

type Step =
  | { readonly op: 'read'; readonly dump: number; readonly at: number; readonly length: number }
  | { readonly op: 'abort'; readonly which: number }
  | { readonly op: 'work' | 'say' | 'step'; readonly thread: number; readonly times: number }
  | { readonly op: 'crash'; readonly thread: number }
  | { readonly op: 'fail'; readonly dump: number; readonly at: number; readonly times: number }
  | {
      readonly op: 'hold' | 'release' | 'reopen' | 'invalidate' | 'cancel' | 'measure';
      readonly dump: number;
    }
  | { readonly op: 'wait'; readonly ms: number };

const dump = fc.nat(DUMPS - 1);
const at = fc.nat(MOST_BYTES);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('read' as const),
      dump,
      at,
      length: fc.oneof(fc.integer({ min: 1, max: 1024 * 1024 }), fc.constant(131_072)),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('abort' as const), which: fc.nat(9) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      op: fc.constantFrom('work' as const, 'say' as const, 'step' as const),
      thread: fc.nat(3),
      times: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('crash' as const), thread: fc.nat(3) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('fail' as const),
      dump,
      at,
      times: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constantFrom(
        'hold' as const,
        'release' as const,
        'reopen' as const,
        'invalidate' as const,
        'cancel' as const,
        'measure' as const,
      ),
      dump,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 70_000 }) }),
  },
);

interface Item {
  readonly dump: Dump;
  readonly script: ScriptedDump;
  readonly faults: { readonly at: number; left: number }[];
  /** Something happened that lets a read fail. */
  mayFail: boolean;
}

interface Setup {
  readonly resumable: boolean;
  readonly sizes: readonly number[];
  readonly chunk: readonly [number, number];
  readonly announced: boolean;
  readonly steps: readonly Step[];
  /** Happens in the middle of fills. */
  readonly meanwhile: readonly Step[];
}

const setup: fc.Arbitrary<Setup> = fc.record({
  resumable: fc.boolean(),
  sizes: fc.array(
    fc.oneof(fc.integer({ min: 1, max: MOST_BYTES }), fc.constantFrom(BLOCK_BYTES, 8 * BLOCK_BYTES)),
    { minLength: DUMPS, maxLength: DUMPS },
  ),
  chunk: fc.constantFrom([1000, 4096] as const, [4096, 4096] as const, [1, 4096] as const),
  announced: fc.boolean(),
  steps: fc.array(step, { minLength: 5, maxLength: 60 }),
  meanwhile: fc.array(step, { maxLength: 10 }),
});

/** Plays steps on transfers without threads, and holds every answer against the dump's bytes. */
class Play {
  readonly bench: TransferBench;
  readonly #items: Item[];
  readonly #readings: { readonly reading: Reading; readonly item: Item; readonly length: number }[] = [];
  readonly #meanwhile: Step[];
  #crashed = false;

  constructor({ resumable, sizes, chunk: [least, most], announced, meanwhile }: Setup) {
    this.bench = new TransferBench({ resumable, slots: MIN_SLOTS, announced });
    this.#meanwhile = [...meanwhile];
    let state = 1;
    const chunk = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return least + (state % (most - least + 1));
    };
    this.#items = sizes.map((size, index) => this.#item(index, CONTENT.subarray(index, index + size), chunk));
    let calls = 0;
    this.bench.onCall = () => {
      calls += 1;
      const step = calls % 7 === 0 ? this.#meanwhile.shift() : undefined;
      // A thread cannot be made to work from within its own call.
      if (step !== undefined && !['work', 'say', 'step', 'crash'].includes(step.op)) this.play(step);
    };
  }

  #item(index: number, bytes: Uint8Array, chunk: () => number): Item {
    const faults: Item['faults'] = [];
    const script: ScriptedDump = {
      bytes,
      chunk,
      fault: (offset) => {
        const fault = faults.find((each) => each.left > 0 && offset >= each.at);
        if (fault === undefined) return undefined;
        fault.left -= 1;
        return 'firmware';
      },
    };
    const item = { dump: this.bench.dump(dumpTag(0x2_0000_0001n + BigInt(index)), script), script, faults };
    item.dump.addHandle();
    return { ...item, mayFail: false };
  }

  play(step: Step): void {
    if (step.op === 'wait') {
      this.bench.nowMs += step.ms;
      for (const { dump } of this.#items) dump.tick();
    } else if (step.op === 'abort') {
      this.#readings[this.#readings.length - 1 - step.which]?.reading.abort();
    } else if ('thread' in step) this.#playThread(step);
    else this.#playDump(step, this.#items[step.dump]!);
  }

  #playThread(step: Extract<Step, { thread: number }>): void {
    const thread = this.bench.started.filter((each) => !each.hasEnded).at(step.thread);
    if (thread === undefined) return;
    if (step.op === 'crash') {
      this.#crashed = true;
      thread.crash();
    } else for (let times = 0; times < step.times; times += 1) thread[step.op]();
  }

  #playDump(step: Extract<Step, { dump: number }>, item: Item): void {
    const { dump, script } = item;
    switch (step.op) {
      case 'read':
        this.#read(item, step.at, step.length);
        break;
      case 'fail':
        item.mayFail = true;
        item.faults.push({ at: step.at, left: step.times });
        break;
      case 'hold':
        item.mayFail = true;
        script.held = true;
        break;
      case 'release':
        script.held = false;
        break;
      case 'reopen':
        dump.dropHandle();
        dump.addHandle();
        break;
      case 'measure':
        dump.measure(new AbortController().signal).then(
          ({ bytes }) => expect(bytes).toBe(script.bytes.length),
          () => this.#mustBeAllowedToFail(item),
        );
        break;
      case 'invalidate':
        if (dump.lost === undefined) this.#invalidate(item);
        break;
      case 'cancel':
        dump.cancelInvalidate();
        break;
    }
  }

  #invalidate(item: Item): void {
    // What firmware forgets in the middle of reads is the store's affair: it refuses that.
    if (this.#readings.some(({ reading, item: of }) => of === item && !reading.isAnswered)) return;
    item.script.invalidateFault = 'firmware';
    item.mayFail = true;
    try {
      item.dump.invalidate().catch(() => undefined);
    } catch {
      // Being removed already.
    }
  }

  #read(item: Item, at: number, length: number): void {
    const start = at % item.script.bytes.length;
    const reading = new Reading(item.dump, start, length, item.dump.size?.bytes);
    this.#readings.push({ reading, item, length });
  }

  #mustBeAllowedToFail(item: Item): void {
    expect(item.mayFail || this.#crashed, 'errors come from firmware or dead threads only').toBe(true);
  }

  /** Lets everything come to an end: every reader has its answer, and nothing is held any more. */
  async finish(): Promise<void> {
    for (const { script } of this.#items) script.held = false;
    await this.bench.run(20_000);
    for (const { reading, item, length } of this.#readings) this.#check(reading, item, length);
    for (const { dump } of this.#items) dump.dropHandle();
    await this.bench.run();
    this.bench.nowMs += 2 * IDLE_CLOSE_MS;
    for (const { dump } of this.#items) dump.tick();
    await this.bench.run();
    expect(this.bench.pinned, 'pinned blocks').toBe(0);
    expect(this.bench.pool.waiting, 'waiting for a thread').toBe(0);
  }

  #check(reading: Reading, item: Item, length: number): void {
    expect(reading.isAnswered, `read at ${reading.start} is answered`).toBe(true);
    if (reading.bytes !== undefined) {
      const expected = item.script.bytes.subarray(reading.start, reading.start + length);
      expect(reading.bytes.equals(expected), `${reading.bytes.length} bytes at ${reading.start}`).toBe(true);
    } else if (reading.errno === 'EINTR') expect(reading.aborted).toBe(true);
    else {
      expect(['EIO', 'EBUSY']).toContain(reading.errno);
      this.#mustBeAllowedToFail(item);
    }
  }
}

describe('transfers without threads', () => {
  test('any interleaving of readers, threads, failures and dying threads gives every reader its bytes', async () => {
    await fc.assert(
      fc.asyncProperty(setup, async (given) => {
        const play = new Play(given);
        for (const step of given.steps) {
          play.play(step);
          await settled();
        }
        await play.finish();
      }),
      {
        numRuns: Number(process.env['TRANSFER_RUNS'] ?? 100),
        endOnFailure: process.env['TRANSFER_SHRINK'] === undefined,
      },
    );
  }, 600_000);
});
