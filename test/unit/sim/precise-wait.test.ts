import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { sleep, waitUntil } from '../../../src/sim/precise-wait.js';

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

test.each([0.02, 0.1, 0.5, 2])('waitUntil is late by microseconds for %f ms', (ms) => {
  const late = Array.from({ length: 51 }, () => {
    const until = performance.now() + ms;
    waitUntil(until);
    return performance.now() - until;
  });
  expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
  // The median, since a busy machine takes the processor away now and then.
  expect(median(late)).toBeLessThan(0.02);
});

test('sleep lasts no shorter than told', () => {
  const begun = performance.now();
  sleep(5);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(5);
});
