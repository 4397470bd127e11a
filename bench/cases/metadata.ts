import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CServer } from '../c-server.js';
import type { BenchCase, Measured, Scale } from '../case.js';
import { Daemon } from '../daemon.js';
import { inTurn, quantile } from '../statistics.js';
import { copyRate } from '../tools.js';
import { MIB } from '../units.js';
import { C_SERVER } from './cold-copy.js';

const DUMPS = 4;
const LATENCY_US = 100;
/** Somebody who looks now and then, not a loop that keeps a processor warm. */
const PAUSE_MS = 1;

/** A daemon of ours or the C server: both name their dumps. */
interface Served {
  readonly mountpoint: string;
  path(dump: number): string;
}

/** What `stat` and `ls -l` ask the kernel, timed in this process: starting a program takes longer than the answer. */
const LOOKS = [
  { name: 'stat', look: (served: Served) => void lstatSync(served.path(0)) },
  {
    name: 'ls -l',
    look: ({ mountpoint }: Served) => {
      for (const name of readdirSync(mountpoint)) lstatSync(join(mountpoint, name));
    },
  },
];

export const metadata: readonly BenchCase[] = LOOKS.map(({ name, look }) => ({
  name: `${name}, p99 while ${DUMPS} cold reads run`,
  baseline: C_SERVER,
  goal: { atMost: 1.5 },
  unit: 'ms',
  run: (scale: Scale) => run(look, scale),
}));

async function run(look: (served: Served) => void, { quick, pairs }: Scale): Promise<Measured> {
  const size = (quick ? 16 : 32) * MIB;
  let readAheadKib = 0;
  return await inTurn(
    pairs,
    async () => {
      const dumps = Array.from({ length: DUMPS }, () => size);
      await using daemon = await Daemon.start({ dumps, latencyUs: LATENCY_US });
      ({ readAheadKib } = daemon);
      return await busyP99(daemon, size, look);
    },
    async () => {
      await using server = await CServer.retrieving(DUMPS, size, LATENCY_US);
      server.readAheadKib = readAheadKib;
      return await busyP99(server, size, look);
    },
  );
}

/** Milliseconds, while all dumps are copied. */
async function busyP99(served: Served, size: number, look: (served: Served) => void): Promise<number> {
  const busy = new AbortController();
  const copies = Promise.all(Array.from({ length: DUMPS }, (_, dump) => copyRate(served.path(dump), size)));
  void copies.finally(() => busy.abort()).catch(() => undefined);
  const times: number[] = [];
  while (!busy.signal.aborted) {
    const begun = performance.now();
    look(served);
    times.push(performance.now() - begun);
    await sleep(PAUSE_MS);
  }
  await copies;
  return quantile(times, 0.99);
}
