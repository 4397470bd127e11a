import { mustRun } from '../../test/support/run-tool.js';
import { cProgram } from '../c-program.js';
import type { BenchCase, Measured, Scale } from '../case.js';
import { Daemon } from '../daemon.js';
import { median, quantile } from '../statistics.js';
import { MIB } from '../units.js';

const RISES = 100;
const QUICK_RISES = 20;
const MOST_MS = 20;

export const lockdownRise: readonly BenchCase[] = [
  {
    name: 'pages still cached after a lockdown rise, p99',
    baseline: `${MOST_MS} ms`,
    goal: { atMost: 1 },
    unit: 'ms',
    run,
  },
];

/** A level does not fall again: each rise is seen by a daemon of its own. */
async function run({ quick }: Scale): Promise<Measured> {
  const program = cProgram('rise');
  const rises = quick ? QUICK_RISES : RISES;
  const times: number[] = [];
  for (let rise = 0; rise < rises; rise += 1) {
    await using daemon = await Daemon.start({ dumps: [MIB], lockdown: true });
    const { stdout } = await mustRun(program, [daemon.path(0), daemon.levelPath]);
    times.push(Number(stdout) / 1000);
  }
  return {
    ours: [quantile(times, 0.99)],
    baseline: [MOST_MS],
    note: `${rises} rises, median ${median(times).toFixed(1)} ms`,
  };
}
