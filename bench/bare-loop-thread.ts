import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import type { DumpTag } from '../src/base/tag.js';
import type { CreateDriver, DriverSpec } from '../src/source/index.js';
import { BEGINNING, MIN_READ_BYTES } from '../src/source/index.js';

export interface BareLoopData {
  readonly driver: DriverSpec;
  readonly tag: DumpTag;
  readonly detail: unknown;
}

const { driver, tag, detail } = workerData as BareLoopData;
const { createDriver } = (await import(driver.module)) as { createDriver: CreateDriver };
const cursor = createDriver(driver.data).open(tag, BEGINNING, detail);
const buffer = new Uint8Array(MIN_READ_BYTES);
const port = parentPort;
if (port === null) throw new Error('runs in a thread only');
port.postMessage('ready');
await once(port, 'message');
const begun = performance.now();
while (!cursor.read(buffer).done);
port.postMessage((performance.now() - begun) / 1000);
cursor.close();
port.close();
