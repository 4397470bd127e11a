import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StopSignals } from '../../../../src/cli/mount/stop-signals.js';

let nowMs: number;
let stop: StopSignals;

beforeEach(() => {
  nowMs = 1000;
  stop = new StopSignals(() => nowMs);
});

afterEach(() => stop[Symbol.dispose]());

/** The handlers run, no signal is sent: the test runner listens as well. */
function receive(signal: NodeJS.Signals): void {
  process.listeners(signal).at(-1)?.(signal);
}

async function state(promise: Promise<NodeJS.Signals>): Promise<NodeJS.Signals | 'pending'> {
  return Promise.race([promise, new Promise<'pending'>((resolve) => setImmediate(() => resolve('pending')))]);
}

describe('StopSignals', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s resolves first and not second', async (signal) => {
    receive(signal);
    expect(await state(stop.first)).toBe(signal);
    expect(await state(stop.second)).toBe('pending');
  });

  test('a signal that follows at once is the same keypress', async () => {
    receive('SIGINT');
    nowMs += 50;
    receive('SIGINT');
    expect(await state(stop.second)).toBe('pending');
  });

  test('a later signal resolves second', async () => {
    receive('SIGTERM');
    nowMs += 1000;
    receive('SIGINT');
    expect(await state(stop.second)).toBe('SIGINT');
  });

  test.each(['SIGHUP', 'SIGUSR2'] as const)('%s is ignored', async (signal) => {
    expect(process.listenerCount(signal)).toBeGreaterThan(0);
    receive(signal);
    expect(await state(stop.first)).toBe('pending');
  });

  test('disposing takes the handlers away', () => {
    const count = (): number[] =>
      (['SIGINT', 'SIGHUP'] as const).map((signal) => process.listenerCount(signal));
    const before = count();
    stop[Symbol.dispose]();
    expect(count()).toEqual(before.map((listeners) => listeners - 1));
  });
});
