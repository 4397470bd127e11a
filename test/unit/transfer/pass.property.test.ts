import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dumpTag } from '../../../src/base/tag.js';
import { BLOCK_BYTES, NO_SLOT } from '../../../src/memory/index.js';
import type { StartPoint } from '../../../src/transfer/resume-points.js';
import { START } from '../../../src/transfer/resume-points.js';
import type { DumpPlan } from './support/scripted-dump.js';
import { ScriptedDump } from './support/scripted-dump.js';
import type { FillPlan, FillResult } from './support/hand-harness.js';
import { HandHarness } from './support/hand-harness.js';

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

/** Drives a hand through passes and keeps what one pass may say only once. */
class Passes {
  readonly harness: HandHarness;
  readonly points: StartPoint[] = [START];
  ended = false;

  constructor(plan: DumpPlan, passesOn = false) {
    this.harness = new HandHarness(new ScriptedDump(plan), passesOn);
  }

  open(from: StartPoint): void {
    this.harness.open(from);
    this.ended = false;
  }

  fill(plan: FillPlan): void {
    const wasEnded = this.ended;
    const result = this.harness.fill(plan);
    this.points.push(...result.points);
    if (wasEnded) {
      expect(result).toMatchObject({ isEnd: true, error: undefined, calls: [] });
      return;
    }
    this.#expectLegal(result);
    if (result.isEnd) {
      expect(result.position).toBe(this.harness.dump.content.length);
      this.ended = true;
    } else if (result.error !== undefined) {
      expect(result.calls.at(-1)).toMatchObject({ failed: true });
      this.#expectSkipped();
      this.harness.renew();
    }
  }

  /** A fill of a pass that is not wanted any more. */
  stale(): void {
    if (this.harness.standing === undefined) return;
    this.harness.control.want(0);
    this.#expectSkipped();
    this.harness.renew();
  }

  #expectLegal({ end, stopAt, position, isEnd, error, calls }: FillResult): void {
    const goal = Math.min(end, stopAt);
    expect(position).toBeLessThanOrEqual(Math.min(end, this.harness.dump.content.length));
    if (!isEnd && error === undefined) expect(position, 'stops at its goal').toBeGreaterThanOrEqual(goal);
    for (const call of calls) expect(call.from, 'no call behind the goal').toBeLessThan(goal);
  }

  #expectSkipped(): void {
    const { standing } = this.harness;
    const { pass, bounce, fingerprint } = this.harness;
    const work = { tag: dumpTag(1n), detail: undefined, at: { standing: standing! }, bounce, fingerprint };
    const fill = {
      op: 'fill',
      pass,
      work,
      ended: [],
      firstBlock: 0,
      slots: [NO_SLOT],
      stopAt: Infinity,
    } as const;
    const calls = this.harness.dump.calls.length;
    expect(this.harness.send(fill)).toMatchObject([{ op: 'filled', pass, standing, error: undefined }]);
    expect(this.harness.dump.calls).toHaveLength(calls);
  }
}

describe('Hand, any plan of calls, fills, failures and passes', () => {
  test('places exactly the bytes of the dump and tells of ends and failures in order', () => {
    fc.assert(
      fc.property(dumpPlan, fc.array(step, { maxLength: 12 }), fc.boolean(), (plan, steps, passesOn) => {
        const passes = new Passes(plan, passesOn);
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
          if ((control.positionOf(passes.harness.pass) ?? 0) !== offset) outOfStep.push(offset);
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
