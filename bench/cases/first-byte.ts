import { readFileSync } from 'node:fs';
import { mustRun } from '../../test/support/run-tool.js';
import type { BenchCase, Measured, Scale } from '../case.js';
import { Daemon } from '../daemon.js';
import { median } from '../statistics.js';
import { GIB } from '../units.js';

/** So long that nothing else counts. */
const LATENCY_US = 20_000;

export const firstByte: readonly BenchCase[] = [
  {
    name: 'first byte: head -c 4096 of a cold 3 GiB dump',
    baseline: 'one firmware call',
    goal: { atMost: 3 },
    unit: 'calls',
    run,
  },
];

/** Calls that firmware ended while `head` waited: how many of them its time is worth. */
async function run({ pairs }: Scale): Promise<Measured> {
  const calls: number[] = [];
  const inAll: number[] = [];
  for (let round = 0; round < pairs; round += 1) {
    await using daemon = await Daemon.start({ dumps: [3 * GIB], latencyUs: LATENCY_US, trace: true });
    await mustRun('head', ['-c', '4096', daemon.path(0)]);
    calls.push(tracedCalls(daemon));
    await idle(daemon);
    inAll.push(tracedCalls(daemon));
  }
  const note = `with what is read ahead after that: ${median(inAll)}`;
  return { ours: calls, baseline: calls.map(() => 1), note };
}

function tracedCalls(daemon: Daemon): number {
  return readFileSync(daemon.tracePath, 'utf8').split('\n').length - 1;
}

/** Waits until firmware is asked for nothing any more. */
async function idle(daemon: Daemon): Promise<void> {
  for (let before = -1, now = tracedCalls(daemon); now !== before;) {
    await new Promise((resolve) => setTimeout(resolve, (10 * LATENCY_US) / 1000));
    before = now;
    now = tracedCalls(daemon);
  }
}
