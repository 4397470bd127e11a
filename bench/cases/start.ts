import type { BenchCase, Measured, Scale } from '../case.js';
import { Daemon } from '../daemon.js';
import { MIB } from '../units.js';

const MOST_MS = 400;

export const start: readonly BenchCase[] = [
  {
    name: 'ready after start',
    baseline: `${MOST_MS} ms`,
    goal: { atMost: 1 },
    unit: 'ms',
    run,
  },
];

async function run({ pairs }: Scale): Promise<Measured> {
  const ours: number[] = [];
  for (let round = 0; round < 3 * pairs; round += 1) {
    await using daemon = await Daemon.start({ dumps: [MIB] });
    ours.push(daemon.readyMs);
  }
  return { ours, baseline: ours.map(() => MOST_MS) };
}
