import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { FirmwareTime } from '../../../../src/source/sim/machine.js';

test('FirmwareTime.book puts stays one behind the other, whichever thread books them', () => {
  const memory = new SharedArrayBuffer(FirmwareTime.BYTES);
  const [one, other] = [new FirmwareTime(memory), new FirmwareTime(memory)];
  const before = performance.now();
  const begins = [one.book(100), other.book(50), one.book(0), other.book(1)];
  const first = begins[0]!;
  expect(first).toBeGreaterThanOrEqual(before - 0.01);
  expect(first).toBeLessThan(before + 100);
  expect(begins.map((begin) => Math.round(begin - first))).toEqual([0, 100, 150, 150]);
});

test('FirmwareTime.book begins at once when nothing is booked any more', () => {
  const time = new FirmwareTime(new SharedArrayBuffer(FirmwareTime.BYTES));
  time.book(1);
  for (const until = performance.now() + 2; performance.now() < until;);
  const now = performance.now();
  expect(time.book(5)).toBeGreaterThanOrEqual(now - 0.01);
});
