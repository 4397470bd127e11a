import type { Machine } from './machine.js';
import type { Result, Verdict } from './result.js';

/** What is kept of a run, in `bench/results.json`: enough for the table and the plot. */
export interface Report {
  readonly machine: Machine;
  readonly quick: boolean;
  readonly rows: readonly ReportedRow[];
}

export interface ReportedRow extends Verdict {
  readonly unit: string;
  readonly oursMedian: number | null;
  readonly baselineMedian: number | null;
  readonly remarks: readonly string[];
}

export function reportOf(machine: Machine, quick: boolean, results: readonly Result[]): Report {
  return { machine, quick, rows: results.map(rowOf) };
}

function rowOf({ oursMedian, baselineMedian, ...result }: Result): ReportedRow {
  const { case: name, baseline, ratio, goal, ok, unit, remarks } = result;
  return { case: name, baseline, unit, oursMedian, baselineMedian, ratio, goal, ok, remarks };
}
