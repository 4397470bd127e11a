import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Goal } from '../../bench/case.js';
import { isMet } from '../../bench/case.js';
import { CASES } from '../../bench/cases.js';
import { inTurn, quantile, ratioOf } from '../../bench/statistics.js';
import { mustRun, runTool } from '../support/run-tool.js';

const RUN = fileURLToPath(new URL('../../bench/run.mjs', import.meta.url));
const COMPILE_MS = 100_000;

describe('npm run bench', () => {
  test(
    'compiles, and lists every case once',
    async () => {
      const { stdout } = await mustRun('node', [RUN, '--list'], { timeoutMs: COMPILE_MS });
      const names = stdout.trimEnd().split('\n');
      expect(names).toEqual(CASES.map(({ name }) => name));
      expect(new Set(names).size).toBe(names.length);
    },
    COMPILE_MS,
  );

  test(
    'says which case it does not know',
    async () => {
      const result = await runTool('node', [RUN, '--case', 'nonsense', '--list'], { timeoutMs: COMPILE_MS });
      expect(result).toMatchObject({ status: 2, stderr: 'no case is named nonsense: see --list\n' });
    },
    COMPILE_MS,
  );
});

test.each<{ goal: Goal; met: number[]; missed: number[] }>([
  { goal: { atLeast: 0.9 }, met: [0.9, 2], missed: [0.89, NaN] },
  { goal: { atMost: 2 }, met: [2, 0], missed: [2.01, NaN] },
  { goal: { exactly: 1 }, met: [1], missed: [1.0001, 0.99, NaN] },
])('isMet, $goal', ({ goal, met, missed }) => {
  expect(met.map((ratio) => isMet(goal, ratio))).toEqual(met.map(() => true));
  expect(missed.map((ratio) => isMet(goal, ratio))).toEqual(missed.map(() => false));
});

test('ratioOf takes the median of the ratios of neighbours', () => {
  expect(ratioOf({ ours: [1, 10, 300], baseline: [2, 10, 100] })).toBe(1);
});

test('quantile lies between its neighbours', () => {
  expect([0, 0.5, 0.75, 1].map((share) => quantile([4, 1, 3, 2], share))).toEqual([1, 2.5, 3.25, 4]);
});

test('inTurn runs both equally often, and changes who is first', async () => {
  const order: string[] = [];
  const run = (name: string) => (round: number) => {
    order.push(`${name}${round}`);
    return Promise.resolve(round);
  };
  expect(await inTurn(2, run('a'), run('b'))).toEqual({ ours: [0, 1], baseline: [0, 1] });
  expect(order).toEqual(['a0', 'b0', 'b1', 'a1']);
});
