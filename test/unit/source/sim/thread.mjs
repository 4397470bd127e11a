// One thread of the simulated machine, running compiled code, for tests of what threads share.
import { parentPort, workerData } from 'node:worker_threads';

const { module, memory, role } = workerData;
const { MachineState } = await import(module);
const machine = new MachineState(memory);

const ROLES = {
  /** Waits for a work area. */
  takeWorkArea() {
    parentPort.postMessage('asking');
    machine.takeWorkArea();
    parentPort.postMessage('taken');
  },
};

ROLES[role]();
parentPort.postMessage('done');
