// One thread of the simulated machine, running compiled code, for tests of what threads share.
import { parentPort, workerData } from 'node:worker_threads';

const { module, memory, role, turns } = workerData;
const { MachineState } = await import(module);
const machine = new MachineState(memory);

const ROLES = {
  /** Counts under the lock in a way that loses counts when two threads are inside. */
  count() {
    const [total] = [new Int32Array(workerData.total)];
    for (let turn = 0; turn < turns; turn += 1) {
      machine.lock.acquire(0);
      const before = total[0];
      for (let i = 0; i < 20; i += 1) total[1] += 1;
      total[0] = before + 1;
      machine.lock.release();
    }
  },
  /** Writes its name down in each call. The first word says how many have. */
  sign() {
    const { name, stayMs } = workerData;
    const log = new Int32Array(workerData.log);
    for (let turn = 0; turn < turns; turn += 1) {
      machine.lock.acquire(stayMs);
      log[0] += 1;
      log[log[0]] = name;
      machine.lock.release();
    }
  },
  /** Waits for a work area. */
  takeWorkArea() {
    parentPort.postMessage('asking');
    machine.takeWorkArea();
    parentPort.postMessage('taken');
  },
};

ROLES[role]();
parentPort.postMessage('done');
