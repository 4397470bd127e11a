import { runMs } from '../tools.js';
import type { BenchCase, Measured, Scale } from '../case.js';
import { Daemon } from '../daemon.js';
import { makeDumps } from '../sim-dumps.js';
import { median } from '../statistics.js';
import { MIB } from '../units.js';

const DUMPS = 100;
const DUMP_BYTES = 4 * MIB;
/** Enough that the start of `ls` does not count. */
const LATENCY_US = 1000;

/** Sizes that nobody announced: one call for each dump brings its header, which tells the size. */
export const unannounced: readonly BenchCase[] = [
  {
    name: `ls -l of ${DUMPS} dumps of unannounced size, call ${LATENCY_US} us`,
    baseline: 'the calls it needs',
    goal: { atMost: 1.5 },
    unit: 'ms',
    run,
  },
];

async function run({ quick, pairs }: Scale): Promise<Measured> {
  const times: number[] = [];
  const calls: number[] = [];
  for (let round = 0; round < (quick ? 2 : pairs); round += 1) {
    const sizes = Array.from({ length: DUMPS }, () => DUMP_BYTES);
    const side = (): object => ({ announcedSize: null, latencyUs: LATENCY_US });
    await using daemon = await Daemon.start({
      makeDumps: (directory) => makeDumps(directory, sizes, side),
      trace: true,
    });
    times.push(await runMs('ls', ['-l', daemon.mountpoint]));
    calls.push(daemon.calls);
  }
  return {
    ours: times,
    baseline: times.map(() => (DUMPS * LATENCY_US) / 1000),
    note: `${median(calls)} calls until ls ended`,
  };
}
