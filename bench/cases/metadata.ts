import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchCase, Measured, Scale } from '../case.js';
import { Daemon } from '../daemon.js';
import { quantile } from '../statistics.js';
import { copyRate } from '../tools.js';
import { MIB } from '../units.js';

const DUMPS = 4;
const LATENCY_US = 100;
const MOST_MS = 5;
/** Somebody who looks now and then, not a loop that keeps a processor warm. */
const PAUSE_MS = 1;

/** What `stat` and `ls -l` ask the kernel, timed in this process: starting a program takes longer than the answer. */
const LOOKS = [
  { name: 'stat', look: (daemon: Daemon) => void lstatSync(daemon.path(0)) },
  {
    name: 'ls -l',
    look: ({ mountpoint }: Daemon) => {
      for (const name of readdirSync(mountpoint)) lstatSync(join(mountpoint, name));
    },
  },
];

export const metadata: readonly BenchCase[] = LOOKS.map(({ name, look }) => ({
  name: `${name} p99 while ${DUMPS} cold reads run`,
  baseline: 'idle p99',
  goal: { atMost: 5 },
  unit: 'ms',
  run: (scale: Scale) => run(look, scale),
}));

async function run(look: (daemon: Daemon) => void, { quick, pairs }: Scale): Promise<Measured> {
  const size = (quick ? 16 : 32) * MIB;
  const rounds = quick ? 1 : pairs;
  const ours: number[] = [];
  const baseline: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const dumps = Array.from({ length: DUMPS }, () => size);
    await using daemon = await Daemon.start({ dumps, latencyUs: LATENCY_US });
    const idle = new AbortController();
    setTimeout(() => idle.abort(), quick ? 2000 : 4000);
    baseline.push(await p99(() => look(daemon), idle.signal));
    const busy = new AbortController();
    const copies = dumps.map((_, dump) => copyRate(daemon.path(dump), size));
    void Promise.allSettled(copies).then(() => busy.abort());
    ours.push(await p99(() => look(daemon), busy.signal));
    await Promise.all(copies);
  }
  const worst = Math.max(...ours);
  const what = `p99 of ${worst.toFixed(2)} ms (less than ${MOST_MS})`;
  return { ours, baseline, also: { what, holds: worst < MOST_MS } };
}

/** Milliseconds. */
async function p99(look: () => void, until: AbortSignal): Promise<number> {
  const times: number[] = [];
  while (!until.aborted) {
    const begun = performance.now();
    look();
    times.push(performance.now() - begun);
    await sleep(PAUSE_MS);
  }
  return quantile(times, 0.99);
}
