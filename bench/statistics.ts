import type { Measured } from './case.js';

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** @param share between 0 and 1 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? NaN;
  const high = sorted[Math.ceil(at)] ?? NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/**
 * Median of the ratios of runs that were made next to each other: what else the machine does meanwhile changes slowly
 * and hits both.
 */
export function ratioOf({ ours, baseline }: Measured): number {
  return median(ours.map((value, round) => value / (baseline[round] ?? NaN)));
}

type Run = (round: number) => Promise<number>;

/** Runs both in turn, `count` times each; who is first changes as well. */
export async function inTurn(count: number, ours: Run, baseline: Run): Promise<Measured> {
  const figures = { ours: [] as number[], baseline: [] as number[] };
  for (let round = 0; round < count; round += 1) {
    const oursFirst = round % 2 === 0;
    if (oursFirst) figures.ours.push(await ours(round));
    figures.baseline.push(await baseline(round));
    if (!oursFirst) figures.ours.push(await ours(round));
  }
  return figures;
}
