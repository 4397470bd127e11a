import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { silentLogger } from '../src/base/log.js';
import { dumpTag } from '../src/base/tag.js';
import { openSimSource } from '../src/source/index.js';
import type { BareLoopData } from './bare-loop-thread.js';
import { MIB } from './units.js';

/**
 * What firmware allows at best: one thread that reads a dump of the same simulated hypervisor, call after call into one
 * buffer, and does nothing else. No FUSE, nobody to hand the bytes to.
 *
 * @returns MiB/s
 */
export async function bareLoop(sizeBytes: number, latencyUs: number): Promise<number> {
  const tag = dumpTag(0x2_0000_0001n);
  const dumps = [{ tag, size: sizeBytes }];
  await using source = openSimSource({ dumps, latencyUs, discipline: 'papr', log: silentLogger });
  const workerData: BareLoopData = { driver: source.driver, tag, detail: source.detail(tag) };
  const worker = new Worker(new URL('./bare-loop-thread.js', import.meta.url), { workerData });
  const [seconds] = (await once(worker, 'message')) as [number];
  await worker.terminate();
  return sizeBytes / MIB / seconds;
}
