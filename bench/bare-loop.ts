import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { silentLogger } from '../src/base/log.js';
import { openSimSource } from '../src/source/sim/sim-source.js';
import type { BareLoopData } from './bare-loop-thread.js';
import { tagOf } from './sim-dumps.js';
import { MIB } from './units.js';

/**
 * What firmware allows at best: one thread that reads a dump of the same simulated hypervisor, call after call into one
 * buffer, and does nothing else. No FUSE, nobody to hand the bytes to.
 *
 * @returns MiB/s
 */
export async function bareLoop(sizeBytes: number, latencyUs: number): Promise<number> {
  const [seconds = NaN] = await bareLoops(1, { sizeBytes, latencyUs });
  return sizeBytes / MIB / seconds;
}

/**
 * Several of these loops at once, each with a thread and a dump of its own.
 *
 * @param what generated dumps that are all alike, or a directory with dumps (`makeDumps`)
 * @returns seconds that each of them took
 */
export async function bareLoops(
  count: number,
  what: { readonly sizeBytes: number; readonly latencyUs: number } | { readonly directory: string },
): Promise<readonly number[]> {
  const tags = Array.from({ length: count }, (_, dump) => tagOf(dump));
  const dumps =
    'directory' in what
      ? { dir: what.directory, dumps: [], latencyUs: 0 }
      : { dumps: tags.map((tag) => ({ tag, size: what.sizeBytes })), latencyUs: what.latencyUs };
  await using source = openSimSource({ ...dumps, discipline: 'papr', log: silentLogger });
  const workers = tags.map((tag) => {
    const workerData: BareLoopData = { driver: source.driver, tag, detail: source.detail(tag) };
    return new Worker(new URL('./bare-loop-thread.js', import.meta.url), { workerData });
  });
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const ends = workers.map((worker) => once(worker, 'message') as Promise<[number]>);
  for (const worker of workers) worker.postMessage('go');
  const seconds = (await Promise.all(ends)).map(([taken]) => taken);
  await Promise.all(workers.map((worker) => worker.terminate()));
  return seconds;
}
