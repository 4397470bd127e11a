import { describe, expect, test } from 'vitest';
import { CELLS, Mounted } from '../support/mounted.js';
import { report, ROUNDS, SEED } from './figures.js';
import { Deals, Rounds } from './rounds.js';

/** A new directory and new dumps after so many rounds: a trace is checked whole, after each of them. */
const ROUNDS_PER_LIFE = 10;

/** One for all cells: as many rounds as there are faults see each of them. */
const deals = new Deals(SEED);

describe.each(CELLS.map((cell, index) => ({ ...cell, index })))(
  '$transport, $discipline',
  ({ index, ...cell }) => {
    const mine = Math.ceil((ROUNDS - index) / CELLS.length);

    test(`${mine} rounds of faults: every dump is there afterwards, and only removed ones are gone`, async () => {
      const began = performance.now();
      const figures = new Map<string, number>();
      for (let done = 0; done < mine; done += ROUNDS_PER_LIFE) {
        await using mounted = new Mounted(cell);
        // What a killed or starved daemon says is looked at round by round.
        mounted.expected.push(/./);
        await using rounds = await Rounds.begin(mounted, SEED + 1000 * index + done, figures);
        for (let round = done; round < Math.min(mine, done + ROUNDS_PER_LIFE); round += 1)
          await rounds.next(deals.next());
      }
      const seconds = Math.round((performance.now() - began) / 1000);
      const words = [...figures].sort().map(([what, count]) => `${what} ${count}`);
      report(`${cell.transport}, ${cell.discipline}: ${mine} rounds in ${seconds} s: ${words.join(', ')}`);
      expect(figures.get('rounds')).toBe(mine);
    });
  },
);
