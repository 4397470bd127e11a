/** Says which of several things comes next. */
export type Choose = (count: number) => number;

export interface Explored {
  /** Different orders that were played. */
  readonly schedules: number;
  /** Choices in the longest of them. */
  readonly longest: number;
}

/**
 * Plays something in every order that its first `depth` choices allow; from there on each takes its turn. What is played has
 * to do the same each time, but for what was chosen.
 */
export async function everyOrder(depth: number, play: (choose: Choose) => Promise<void>): Promise<Explored> {
  let schedules = 0;
  let longest = 0;
  for (let path: number[] | undefined = []; path !== undefined; schedules += 1) {
    const counts: number[] = [];
    const taken: number[] = [];
    const given: readonly number[] = path;
    await play((count) => {
      const at = counts.length;
      const choice = given[at] ?? (at < depth ? 0 : at % count);
      counts.push(count);
      taken.push(choice);
      return choice;
    }).catch((error: unknown) => {
      throw new Error(`in the order ${taken.join(' ')}`, { cause: error });
    });
    longest = Math.max(longest, counts.length);
    path = nextPath(taken.slice(0, depth), counts);
  }
  return { schedules, longest };
}

/** The last choice that can be another one is. */
function nextPath(taken: readonly number[], counts: readonly number[]): number[] | undefined {
  for (let at = taken.length - 1; at >= 0; at -= 1) {
    const choice = (taken[at] ?? 0) + 1;
    if (choice < (counts[at] ?? 0)) return [...taken.slice(0, at), choice];
  }
  return undefined;
}

/** In the order of some numbers, whatever they are; after them each takes its turn. */
export function inOrderOf(numbers: readonly number[]): Choose {
  let at = 0;
  return (count) => (numbers[at++] ?? at) % count;
}
