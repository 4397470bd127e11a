import { Worker } from 'node:worker_threads';
import { compiled } from '../../../support/compiled.js';

const module = compiled('source/sim/index.js');

/** Another thread of the simulated machine; its roles are in thread.mjs. */
export function machineThread(role: string, memory: SharedArrayBuffer, data: object = {}): Worker {
  return new Worker(new URL('./thread.mjs', import.meta.url), {
    workerData: { module, role, memory, ...data },
  });
}
