import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BLOCK_BYTES } from '../../../src/dump/arena.js';
import type { StartPoint } from '../../../src/dump/sequence-index.js';
import { START } from '../../../src/dump/sequence-index.js';
import type { DumpPlan } from './support/scripted-dump.js';
import { ScriptedDump } from './support/scripted-dump.js';
import type { FillPlan, FillResult } from './support/stream-harness.js';
import { StreamHarness } from './support/stream-harness.js';

const MOST_BYTES = 5 * BLOCK_BYTES;

const sizeBytes = fc.oneof(
  fc.nat(MOST_BYTES),
  fc.nat(5).map((blocks) => blocks * BLOCK_BYTES),
  fc.integer({ min: 1, max: 4097 }),
);
const chunk = fc.oneof(
  fc.constantFrom(0, 1024, 4096, 65_536),
  fc.integer({ min: 1, max: 4096 }),
  fc.integer({ min: 1, max: BLOCK_BYTES }),
);
/** On the average long enough that a dump takes some hundred calls at most. */
const chunks = fc
  .array(chunk, { minLength: 1, maxLength: 12 })
  .filter((all) => all.reduce((sum, bytes) => sum + bytes, 0) / all.length >= 500);
const dumpPlan: fc.Arbitrary<DumpPlan> = fc.record({
  sizeBytes,
  chunks,
  endsWithBytes: fc.boolean(),
  failures: fc.array(fc.nat(150), { maxLength: 4 }),
  resumable: fc.boolean(),
});
const fillPlan: fc.Arbitrary<FillPlan> = fc.record(
  {
    keep: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
    stopIn: fc.integer({ min: 1, max: 3 * BLOCK_BYTES }),
  },
  { requiredKeys: ['keep'] },
);
const step = fc.oneof(
  { weight: 6, arbitrary: fillPlan },
  { weight: 1, arbitrary: fc.record({ reopenAt: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant('stale' as const) },
);

/** Drives a stream through passes and keeps what one pass may say only once. */
class Passes {
  readonly harness: StreamHarness;
  readonly points: StartPoint[] = [START];
  ended = false;

  constructor(plan: DumpPlan) {
    this.harness = new StreamHarness(new ScriptedDump(plan));
    this.open(START);
  }

  open(from: StartPoint): void {
    expect(this.harness.open(from)).toEqual([{ op: 'opened' }]);
    expect(this.harness.control.position).toBe(from.offset);
    this.ended = false;
  }

  fill(plan: FillPlan): void {
    const result = this.harness.fill(plan);
    this.#expectLegal(result);
    this.points.push(...result.points);
    const event = result.events[0];
    if (event === undefined) return;
    expect(result.events, 'a fill ends once').toHaveLength(1);
    expect(event).toMatchObject({ position: result.position });
    if (event.op === 'end') this.#onEnd(result);
    else if (event.op === 'failed') this.#onFailed(result);
    else throw new Error(`unexpected ${event.op}`);
  }

  /** A fill that was sent before its epoch ended. */
  stale(): void {
    const epoch = this.harness.control.epoch;
    this.harness.nextEpoch();
    this.#expectSkipped(this.harness.fill({ keep: [true] }, epoch));
  }

  #expectLegal({ start, end, stopAt, position, events, calls }: FillResult): void {
    const goal = Math.min(end, stopAt);
    expect(position).toBeGreaterThanOrEqual(start);
    expect(position).toBeLessThanOrEqual(Math.min(end, this.harness.dump.content.length));
    if (events.length === 0 && !this.ended)
      expect(position, 'stops at its goal').toBeGreaterThanOrEqual(goal);
    for (const call of calls) expect(call.from, 'no call behind the goal').toBeLessThan(goal);
  }

  #onEnd({ position }: FillResult): void {
    expect(this.ended, 'one end per pass').toBe(false);
    expect(position).toBe(this.harness.dump.content.length);
    this.ended = true;
    this.#expectSkipped(this.harness.fill({ keep: [true] }));
  }

  #onFailed({ position, calls }: FillResult): void {
    expect(calls.at(-1)).toMatchObject({ failed: true, from: position });
    this.#expectSkipped(this.harness.fill({ keep: [true] }));
    this.harness.nextEpoch();
  }

  #expectSkipped({ start, position, events, calls }: FillResult): void {
    expect({ position, events, calls }).toEqual({ position: start, events: [], calls: [] });
  }
}

describe('PumpStream, any plan of calls, fills, failures and passes', () => {
  test('places exactly the bytes of the dump and tells of ends and failures in order', () => {
    fc.assert(
      fc.property(dumpPlan, fc.array(step, { maxLength: 12 }), (plan, steps) => {
        const passes = new Passes(plan);
        for (const each of steps) {
          if (each === 'stale') passes.stale();
          else if ('keep' in each) passes.fill(each);
          else passes.open(passes.points[each.reopenAt % passes.points.length] ?? START);
        }
        for (let rounds = 0; rounds < 50 && !passes.ended; rounds += 1) passes.fill({ keep: [true, false] });
        expect(passes.ended, 'the dump ends').toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test('calls firmware only with room for a whole chunk, and never past bytes that have no place yet', () => {
    fc.assert(
      fc.property(dumpPlan, fc.array(fillPlan, { minLength: 1, maxLength: 5 }), (plan, fills) => {
        const passes = new Passes({ ...plan, failures: [] });
        const { control, dump } = passes.harness;
        const outOfStep: number[] = [];
        dump.onCall = (offset) => {
          if (control.position !== offset) outOfStep.push(offset);
        };
        for (let at = 0; at < 100 && !passes.ended; at += 1) passes.fill(fills[at % fills.length]!);
        expect(outOfStep).toEqual([]);
        expect(dump.calls.filter((call) => call.roomBytes < 4096)).toEqual([]);
      }),
    );
  });

  test('reports for each block border that a pass reached the last point at or before it', () => {
    const plans = fc.array(fillPlan, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(dumpPlan, plans, (plan, fills) => {
        const passes = new Passes({ ...plan, failures: [], resumable: true });
        for (let at = 0; at < 100 && !passes.ended; at += 1) passes.fill(fills[at % fills.length]!);
        const reported = new Set(passes.points.slice(1).map(({ offset }) => offset));
        expect(reported).toEqual(bordersOf(passes.harness.dump));
        for (const { offset, resume } of passes.points)
          expect(passes.harness.dump.offsetOf(resume)).toBe(offset);
      }),
    );
  });

  test('reports no points where the source has none', () => {
    const passes = new Passes({ sizeBytes: 3 * BLOCK_BYTES, chunks: [4096], endsWithBytes: true });
    passes.fill({ keep: [true, true, true] });
    expect(passes.points).toEqual([START]);
  });
});

/** For each border that was reached while points were known: the last of them that is not behind it. */
function bordersOf(dump: ScriptedDump): Set<number> {
  const offsets = dump.calls
    .filter((call) => call.resume !== undefined)
    .map((call) => call.from + call.bytes);
  const furthest = Math.max(-1, ...offsets);
  const borders = Array.from({ length: Math.floor(furthest / BLOCK_BYTES) + 1 }, (_, at) => at * BLOCK_BYTES);
  return new Set(borders.map((border) => offsets.findLast((offset) => offset <= border)).filter(isNumber));
}

function isNumber(value: number | undefined): value is number {
  return value !== undefined;
}
