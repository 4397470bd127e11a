import { expect, test } from 'vitest';
import { PumpWorker } from '../../../src/dump/pump-worker.js';

test('PumpWorker.end lets the thread load what it is loading: a native module cut short ends the process', async () => {
  const words = new SharedArrayBuffer(8);
  const module = new URL('./support/slow-driver.cjs', import.meta.url).href;
  const worker = new PumpWorker({ module, data: words }, [], () => undefined);
  await worker.end();
  expect(new Int32Array(words)[0]).toBe(1);
});

test('PumpWorker.end comes back when the thread could not load at all', async () => {
  const module = new URL('./support/no-such-driver.cjs', import.meta.url).href;
  let gone = 0;
  const worker = new PumpWorker({ module, data: undefined }, [], () => (gone += 1));
  await worker.end();
  expect(gone).toBe(1);
});
