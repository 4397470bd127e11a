import { bareLoop, bareLoops } from '../bare-loop.js';
import type { BenchCase, Measured, Scale } from '../case.js';
import { Daemon } from '../daemon.js';
import { makeDumps } from '../sim-dumps.js';
import { inTurn, median } from '../statistics.js';
import { copyRate, remove } from '../tools.js';
import { CALL_BYTES, MIB } from '../units.js';

const LATENCY_US = 100;
const SLOW_US = 1000;
const SMALLEST_SHARE = 0.8;

/** Calls take turns, as under Linux's one RTAS lock: dumps in parallel gain nothing, but must not lose either. */
export const parallelDumps: readonly BenchCase[] = [
  ...[2, 4].map((dumps) => ({
    name: `${dumps} dumps in parallel, call ${LATENCY_US} us`,
    baseline: 'rate of a single stream',
    goal: { atLeast: 0.95 },
    unit: 'MiB/s',
    run: (scale: Scale) => alike(dumps, scale),
  })),
  {
    name: `a dump of ${SLOW_US} us a call beside three of ${LATENCY_US} us`,
    baseline: 'a single stream: share of the time that firmware is busy',
    goal: { atLeast: 0.95 },
    unit: '',
    run: oneSlow,
  },
];

async function alike(dumps: number, { quick, pairs }: Scale): Promise<Measured> {
  const size = ((quick ? 48 : 96) / dumps) * MIB;
  const each = dumps + 1;
  const shares: number[] = [];
  await using daemon = await Daemon.start({
    dumps: Array.from({ length: pairs * each }, () => size),
    latencyUs: LATENCY_US,
  });
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
  const together = Math.max(...(await bareLoops(dumps, { sizeBytes: size, latencyUs: LATENCY_US })));
  const alone = size / MIB / (await bareLoop(size, LATENCY_US));
  const bare = (dumps * alone) / together;
  return { ...measured, also: fairness(shares), note: `bare loops in parallel ${bare.toFixed(2)}` };
}

/** So much longer that what a copy takes to begin does not count. */
const ALONE_FACTOR = 8;

/**
 * Firmware serves calls in the order of their arrival, so each of the four dumps gets as many as another, and all end at
 * the same time: whatever they lose to each other is time in which firmware has nothing to do.
 */
async function oneSlow({ quick, pairs }: Scale): Promise<Measured> {
  const size = (quick ? 3 : 12) * MIB;
  const together = [SLOW_US, LATENCY_US, LATENCY_US, LATENCY_US].map((latencyUs) => ({ size, latencyUs }));
  const alone = { size: ALONE_FACTOR * size, latencyUs: LATENCY_US };
  const all = [...together, alone];
  const figures = {
    ours: [] as number[],
    baseline: [] as number[],
    shares: [] as number[],
    bare: [] as number[],
  };
  for (let round = 0; round < pairs; round += 1) {
    await using daemon = await Daemon.start({
      makeDumps: (directory) =>
        makeDumps(
          directory,
          all.map((dump) => dump.size),
          (dump) => ({ latencyUs: all[dump]?.latencyUs ?? NaN }),
        ),
    });
    const copy = async (dump: number, bytes: number): Promise<number> =>
      bytes / MIB / (await copyRate(daemon.path(dump), bytes));
    const seconds = await Promise.all(together.map((_, dump) => copy(dump, size)));
    const loops = await bareLoops(together.length, { directory: daemon.dumpsPath });
    const single = busyShare([alone], await copy(together.length, alone.size));
    figures.shares.push(Math.min(...seconds) / Math.max(...seconds));
    figures.ours.push(busyShare(together, Math.max(...seconds)));
    figures.bare.push(busyShare(together, Math.max(...loops)) / single);
    figures.baseline.push(single);
  }
  const note = `bare loops in parallel ${median(figures.bare).toFixed(2)}`;
  return { ours: figures.ours, baseline: figures.baseline, also: fairness(figures.shares), note };
}

/** Which part of the time firmware had a call to serve. */
function busyShare(dumps: readonly { size: number; latencyUs: number }[], seconds: number): number {
  const busyUs = dumps.reduce((sum, { size, latencyUs }) => sum + (size / CALL_BYTES) * latencyUs, 0);
  return busyUs / 1e6 / seconds;
}

function fairness(shares: readonly number[]): { readonly what: string; readonly holds: boolean } {
  const share = median(shares);
  const what = `slowest stream at ${share.toFixed(2)} of the fastest (at least ${SMALLEST_SHARE})`;
  return { what, holds: share >= SMALLEST_SHARE };
}
