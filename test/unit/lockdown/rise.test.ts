import { expect, test } from 'vitest';
import { createLogger } from '../../../src/base/log.js';
import type { RiseSteps } from '../../../src/lockdown/index.js';
import { carryOutRise } from '../../../src/lockdown/index.js';

const ORDER = [
  'veilLog',
  'dropHandover',
  'dropPages',
  'dropAnswers',
  'hideDumps',
  'stopAnnouncing',
  'tellOperator',
];

/** Steps that note that they were taken; one of them fails. */
function steps(taken: string[], failing?: string): RiseSteps {
  const take = (step: string) => (): void => {
    taken.push(step);
    if (step === failing) throw new Error(`${step} failed`);
  };
  return Object.fromEntries(ORDER.map((step) => [step, take(step)])) as unknown as RiseSteps;
}

test.each([undefined, ...ORDER])(
  'carryOutRise takes every step once and in order, whatever fails (%s)',
  (failing) => {
    const taken: string[] = [];
    const lines: string[] = [];
    const log = createLogger({ level: 'debug', format: 'text', write: (line) => lines.push(line) });
    carryOutRise(steps(taken, failing), log);
    expect(taken).toEqual(ORDER);
    expect(lines).toHaveLength(failing === undefined ? 0 : 1);
    if (failing !== undefined) expect(lines[0]).toContain(`step=${failing}`);
  },
);
