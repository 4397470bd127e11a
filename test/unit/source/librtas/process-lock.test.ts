import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { ProcessLock } from '../../../../src/source/librtas/process-lock.js';
import { compiled } from '../../../support/compiled.js';

const ROUNDS = 20_000;

/** Adds to a counter in two steps, which goes wrong as soon as two threads do it at once. */
const COUNT = `
  const { workerData } = require('node:worker_threads');
  import(workerData.module).then(({ ProcessLock }) => {
    const lock = new ProcessLock(workerData.lock);
    const counter = new Int32Array(workerData.counter);
    for (let round = 0; round < ${ROUNDS}; round += 1)
      lock.exclusively(() => { const seen = counter[0]; counter[0] = seen + 1; });
  });
`;

test('ProcessLock lets one thread at a time work', async () => {
  const lock = ProcessLock.createMemory();
  const counter = new SharedArrayBuffer(4);
  const module = compiled('source/librtas/process-lock.js');
  const threads = [1, 2, 3].map(
    () => new Worker(COUNT, { eval: true, workerData: { lock, counter, module } }),
  );
  await Promise.all(threads.map((thread) => new Promise((resolve) => thread.once('exit', resolve))));
  expect(new Int32Array(counter)[0]).toBe(threads.length * ROUNDS);
});

test('ProcessLock is free again after work that failed', () => {
  const lock = new ProcessLock(ProcessLock.createMemory());
  expect(() =>
    lock.exclusively(() => {
      throw new Error('failed');
    }),
  ).toThrow('failed');
  expect(lock.exclusively(() => 7)).toBe(7);
});
