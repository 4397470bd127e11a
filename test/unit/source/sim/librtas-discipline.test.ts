import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { simLibrtasPort } from '../../../../src/source/sim/index.js';
import { TAG, firmwareWith } from './machine-support.js';

test.each([
  { status: -2, times: 150, atLeastMs: 0 },
  { status: 9900, times: 2, atLeastMs: 2 },
  { status: 9902, times: 1, atLeastMs: 100 },
])('platformDump waits out $status $times times', ({ status, times, atLeastMs }) => {
  const { firmware } = firmwareWith(100, { side: { faults: [{ at: 0, status, times }] } });
  const begun = performance.now();
  expect(simLibrtasPort(firmware).platformDump(TAG, 0n, new Uint8Array(4096))).toMatchObject({
    status: 0,
    bytesReturned: 100,
  });
  expect(performance.now() - begun).toBeGreaterThanOrEqual(atLeastMs);
});

test.each([-1, -9002, 77, 0])('platformDump hands status %i to its caller', (status) => {
  const { firmware } = firmwareWith(100, { side: { faults: [{ at: 0, status, times: 1 }] } });
  expect(simLibrtasPort(firmware).platformDump(TAG, 0n, new Uint8Array(4096))).toMatchObject({ status });
});

test('platformDump refuses a short buffer with -3 and forgets a dump without one', () => {
  const { firmware } = firmwareWith(100);
  const port = simLibrtasPort(firmware);
  expect(port.platformDump(TAG, 0n, new Uint8Array(1023)).status).toBe(-3);
  expect(port.platformDump(TAG, 0n, null).status).toBe(0);
  expect(port.platformDump(TAG, 0n, new Uint8Array(4096))).toMatchObject({ status: 0, bytesReturned: 0 });
});
