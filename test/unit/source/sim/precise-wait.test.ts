import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { sleep, waitUntil } from '../../../../src/source/sim/precise-wait.js';

/** A busy machine takes the processor away, and gives it back late: what the rest shows is the wait's own doing. */
function bestTenth(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 10)] ?? NaN;
}

test.each([0.02, 0.1, 0.5, 2])('waitUntil is late by microseconds for %f ms', (ms) => {
  const late = Array.from({ length: 51 }, () => {
    const until = performance.now() + ms;
    waitUntil(until);
    return performance.now() - until;
  });
  expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
  expect(bestTenth(late)).toBeLessThan(0.02);
});

test('sleep lasts no shorter than told', () => {
  const begun = performance.now();
  sleep(5);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(5);
});
