import type { BenchCase, Measured, Scale } from './case.js';
import { goalText, isMet } from './case.js';
import { median, ratioOf } from './statistics.js';

/** What `--json` writes of a case. */
export interface Verdict {
  readonly case: string;
  readonly baseline: string;
  /** Ours : baseline; null: could not be measured. */
  readonly ratio: number | null;
  readonly goal: string;
  readonly ok: boolean;
}

/** All there is to know of a case that was run. */
export interface Result extends Verdict {
  readonly unit: string;
  readonly oursMedian: number | null;
  readonly baselineMedian: number | null;
  readonly remarks: readonly string[];
  readonly seconds: number;
  readonly measured?: Measured;
}

/** Runs a case. Whatever goes wrong in it is its result: the others are still to come. */
export async function resultOf(bench: BenchCase, scale: Scale): Promise<Result> {
  const begun = performance.now();
  const seconds = (): number => Math.round((performance.now() - begun) / 100) / 10;
  const about = { case: bench.name, baseline: bench.baseline, goal: goalText(bench.goal), unit: bench.unit };
  try {
    const measured = await bench.run(scale);
    const { ours, baseline, also, note } = measured;
    const ratio = ratioOf(measured);
    return {
      ...about,
      ratio,
      ok: isMet(bench.goal, ratio) && also?.holds !== false,
      oursMedian: median(ours),
      baselineMedian: median(baseline),
      remarks: [also?.what, note].filter((text) => text !== undefined),
      seconds: seconds(),
      measured,
    };
  } catch (error) {
    const remarks = [`not measured: ${error instanceof Error ? error.message : String(error)}`];
    const nothing = { ratio: null, oursMedian: null, baselineMedian: null };
    return { ...about, ...nothing, ok: false, remarks, seconds: seconds() };
  }
}

export function verdictOf(result: Result): Verdict {
  return {
    case: result.case,
    baseline: result.baseline,
    ratio: result.ratio === null ? null : Math.round(result.ratio * 1000) / 1000,
    goal: result.goal,
    ok: result.ok,
  };
}
