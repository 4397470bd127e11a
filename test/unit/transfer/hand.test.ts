import { expect, test } from 'vitest';
import { dumpTag } from '../../../src/base/tag.js';
import { NO_SLOT } from '../../../src/memory/index.js';
import { FirmwareTally } from '../../../src/source/index.js';
import { HandWorker } from '../../../src/transfer/hand.js';
import { START } from '../../../src/transfer/resume-points.js';

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

test('a hand that runs out of memory leaves word of the handle that it has opened', async () => {
  const module = new URL('./support/greedy-driver.cjs', import.meta.url).href;
  const PASS = 5;
  const worker: HandWorker = new HandWorker({ module, data: undefined }, [], new FirmwareTally(), {
    onReady: () => {
      const work = {
        tag: dumpTag(1n),
        detail: undefined,
        at: { begin: START },
        bounce: new SharedArrayBuffer(4096),
      };
      worker.control.want(PASS);
      worker.send({ op: 'fill', pass: PASS, work, ended: [], firstBlock: 0, slots: [NO_SLOT], stopAt: 4096 });
    },
    onGone: () => undefined,
  });
  const crash = new Promise<Error>((resolve) => {
    worker.use({ onEvent: () => undefined, onCrash: resolve });
  });
  expect(await crash).toMatchObject({ code: 'ERR_WORKER_OUT_OF_MEMORY' });
  expect(worker.control.handleOf(PASS)).toBe(77);
  expect(worker.control.handleOf(PASS + 1)).toBeUndefined();
});
