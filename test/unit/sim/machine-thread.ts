import { Worker } from 'node:worker_threads';
import { threadEntry } from '../../../src/base/thread-entry.js';

const module = threadEntry(new URL('../../../src/sim/index.ts', import.meta.url).href, './index.js').href;

/** Another thread of the simulated machine; its roles are in thread.mjs. */
export function machineThread(role: string, memory: SharedArrayBuffer, data: object = {}): Worker {
  return new Worker(new URL('./thread.mjs', import.meta.url), {
    workerData: { module, role, memory, ...data },
  });
}
