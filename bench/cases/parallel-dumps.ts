import type { BenchCase, Measured, Scale } from '../case.js';
import { Daemon } from '../daemon.js';
import { inTurn, median } from '../statistics.js';
import { copyRate, remove } from '../tools.js';
import { MIB } from '../units.js';

const LATENCY_US = 100;
const SMALLEST_SHARE = 0.8;

/** All calls take turns, as under Linux's one RTAS lock: dumps in parallel gain nothing, but must not lose either. */
export const parallelDumps: readonly BenchCase[] = [2, 4].map((dumps) => ({
  name: `${dumps} dumps in parallel, call ${LATENCY_US} us`,
  baseline: 'rate of a single stream',
  goal: { atLeast: 0.95 },
  unit: 'MiB/s',
  run: (scale: Scale) => run(dumps, scale),
}));

async function run(dumps: number, { quick, pairs }: Scale): Promise<Measured> {
  const size = ((quick ? 48 : 96) / dumps) * MIB;
  const each = dumps + 1;
  const sizes = Array.from({ length: pairs * each }, () => size);
  const shares: number[] = [];
  await using daemon = await Daemon.start({ dumps: sizes, latencyUs: LATENCY_US });
  const copy = async (dump: number): Promise<number> => {
    const rate = await copyRate(daemon.path(dump), size);
    await remove(daemon.path(dump));
    return rate;
  };
  const measured = await inTurn(
    pairs,
    async (round) => {
      const rates = await Promise.all(
        Array.from({ length: dumps }, (_, dump) => copy(round * each + 1 + dump)),
      );
      shares.push(Math.min(...rates) / Math.max(...rates));
      // The last one to end says how long all of them took.
      return dumps * Math.min(...rates);
    },
    (round) => copy(round * each),
  );
  const share = median(shares);
  const what = `slowest stream at ${share.toFixed(2)} of the fastest (at least ${SMALLEST_SHARE})`;
  return { ...measured, also: { what, holds: share >= SMALLEST_SHARE } };
}
