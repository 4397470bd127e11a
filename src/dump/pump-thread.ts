import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { CreateDriver } from '../source/index.js';
import { slotViews } from './arena.js';
import type { PumpCommand, PumpThreadData } from './pump-protocol.js';
import { Control, READY } from './pump-protocol.js';
import { PumpStream } from './pump-stream.js';

// Entry of a pump thread: firmware calls block, so they are made here and nowhere else.

const data = workerData as PumpThreadData;
const port = parentPort;
if (port === null) throw new Error('pump-thread runs as a worker thread only');

// Not by import(): the loader of ES modules takes longer to start than all of this thread's own code.
const load = createRequire(import.meta.url);
const { createDriver } = load(fileURLToPath(data.driver.module)) as { createDriver: CreateDriver };
const stream = new PumpStream(
  createDriver(data.driver.data),
  slotViews(data.slabs),
  new Control(data.control),
  (event) => {
    port.postMessage(event);
  },
);

port.on('message', (command: PumpCommand) => {
  stream.carryOut(command);
});
port.postMessage(READY);
