import { expect, test } from 'vitest';
import { FirmwareTally } from '../../../src/source/index.js';
import { HandWorker } from '../../../src/transfer/hand.js';

test('HandWorker.end lets the thread load what it is loading: a native module cut short ends the process', async () => {
  const words = new SharedArrayBuffer(8);
  const module = new URL('./support/slow-driver.cjs', import.meta.url).href;
  const worker = new HandWorker({ module, data: words }, [], new FirmwareTally(), {
    onReady: () => undefined,
    onGone: () => undefined,
  });
  await worker.end();
  expect(new Int32Array(words)[0]).toBe(1);
});

test('HandWorker.end comes back when the thread could not load at all', async () => {
  const module = new URL('./support/no-such-driver.cjs', import.meta.url).href;
  const worker = new HandWorker({ module, data: undefined }, [], new FirmwareTally(), {
    onReady: () => undefined,
    onGone: () => undefined,
  });
  await worker.end();
});

test('a hand that cannot load its driver is gone, and whoever uses it is told', async () => {
  const module = new URL('./support/no-such-driver.cjs', import.meta.url).href;
  const told = await new Promise<Error>((resolve) => {
    const worker = new HandWorker({ module, data: undefined }, [], new FirmwareTally(), {
      onReady: () => undefined,
      onGone: () => undefined,
    });
    worker.use({ onEvent: () => undefined, onCrash: resolve });
  });
  expect(told.message).toContain('no-such-driver');
});
