// A hand in miniature: loads a driver, reads one dump to its end, reports a digest.
import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

const { module, data, tag, detail, passes, remove, missing } = workerData;
const { createDriver } = await import(module);
const driver = createDriver(data);
const digests = [];
// All threads begin together.
const barrier = new Int32Array(missing);
if (Atomics.sub(barrier, 0, 1) === 1) Atomics.notify(barrier, 0);
for (let left = Atomics.load(barrier, 0); left > 0; left = Atomics.load(barrier, 0))
  Atomics.wait(barrier, 0, left);
for (let pass = 0; pass < passes; pass += 1) {
  const cursor = driver.open(tag, 0n, detail);
  const hash = createHash('sha256');
  const buffer = new Uint8Array(4096);
  for (let done = false; !done;) {
    const step = cursor.read(buffer);
    hash.update(buffer.subarray(0, step.bytes));
    done = step.done;
  }
  digests.push(hash.digest('hex'));
  if (remove) cursor.invalidate();
  cursor.close();
}
driver.trace?.settle();
parentPort.postMessage(digests);
