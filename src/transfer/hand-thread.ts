import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { slotViews } from '../memory/index.js';
import type { CreateDriver } from '../source/index.js';
import { FirmwareCells, countedDriver } from '../source/index.js';
import { Hand } from './pass.js';
import type { Command, HandData } from './protocol.js';
import { Control, READY } from './protocol.js';
import { chooseSha256 } from './sha256.js';

// Entry of a hand: firmware calls block, so they are made here and nowhere else.

const data = workerData as HandData;
const port = parentPort;
if (port === null) throw new Error('hand-thread runs as a worker thread only');

// Not by import(): the loader of ES modules takes longer to start than all of this thread's own code.
const load = createRequire(import.meta.url);
const { createDriver } = load(fileURLToPath(data.driver.module)) as { createDriver: CreateDriver };
const driver = countedDriver(createDriver(data.driver.data), new FirmwareCells(data.tally));
const hand = new Hand({
  driver,
  views: slotViews(data.slabs),
  control: new Control(data.control),
  emit: (event) => {
    // Nobody learns of a call's answer before its line is written.
    driver.trace?.settle();
    port.postMessage(event);
  },
  sha256: chooseSha256(),
});

// When it fails, that is: nobody else knows how far it had got.
process.once('exit', () => hand[Symbol.dispose]());

port.on('message', (command: Command) => {
  hand.carryOut(command);
});
port.postMessage(READY);
