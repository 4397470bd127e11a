/** What a ratio has to be; `reported`: it is good to know, and nothing is asked of it. */
export type Goal =
  { readonly atLeast: number } | { readonly atMost: number } | { readonly exactly: number } | 'reported';

/** How much time there is. */
export interface Scale {
  /** The whole table in a few minutes. */
  readonly quick: boolean;
  /** Pairs of runs, ours and the baseline's in turn, of which medians are taken. */
  readonly pairs: number;
}

export interface Measured {
  /** In the case's unit, one for each run. */
  readonly ours: readonly number[];
  readonly baseline: readonly number[];
  /** A condition of the goal that is not in the ratio, and whether it holds. */
  readonly also?: { readonly what: string; readonly holds: boolean };
  /** What else one should know of this run. */
  readonly note?: string;
}

/** One row of the table. */
export interface BenchCase {
  readonly name: string;
  /** What it is compared with. */
  readonly baseline: string;
  /** Of the ratio ours : baseline. */
  readonly goal: Goal;
  /** Of both figures. */
  readonly unit: string;
  /** @throws Unavailable where this machine lacks something */
  run(scale: Scale): Promise<Measured>;
}

/** A case cannot be measured on this machine. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}

export function isMet(goal: Goal, ratio: number): boolean {
  if (goal === 'reported') return true;
  if ('atLeast' in goal) return ratio >= goal.atLeast;
  if ('atMost' in goal) return ratio <= goal.atMost;
  return ratio === goal.exactly;
}

export function goalText(goal: Goal): string {
  if (goal === 'reported') return goal;
  if ('atLeast' in goal) return `>= ${goal.atLeast.toFixed(2)}`;
  if ('atMost' in goal) return `<= ${goal.atMost.toFixed(2)}`;
  return `= ${goal.exactly.toFixed(2)}`;
}
