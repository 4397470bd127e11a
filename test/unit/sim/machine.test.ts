import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { MachineState, createMachineMemory } from '../../../src/sim/index.js';
import { WORK_AREA_LIMIT } from '../../../src/sim/machine.js';
import { compiled } from '../../support/compiled.js';

const module = compiled('sim/index.js');

function thread(role: string, memory: SharedArrayBuffer, data: object = {}): Worker {
  return new Worker(new URL('./thread.mjs', import.meta.url), {
    workerData: { module, role, memory, ...data },
  });
}

test('RtasLock lets one thread in at a time', async () => {
  const memory = createMachineMemory();
  const total = new SharedArrayBuffer(8);
  const threads = [1, 2, 3].map(() => thread('count', memory, { total, turns: 5000 }));
  await Promise.all(threads.map((one) => once(one, 'exit')));
  expect([...new Int32Array(total)]).toEqual([15_000, 300_000]);
});

test('RtasLock passes over a thread that was killed inside', async () => {
  const memory = createMachineMemory();
  new MachineState(memory).lock.acquire();
  const waiting = thread('count', memory, { total: new SharedArrayBuffer(8), turns: 3 });
  await expect(once(waiting, 'message')).resolves.toEqual(['done']);
  // The late one, should it live after all, does not disturb who came after it.
  new MachineState(memory).lock.release(0);
  const next = thread('count', memory, { total: new SharedArrayBuffer(8), turns: 3 });
  await expect(once(next, 'message')).resolves.toEqual(['done']);
});

test('a work area is waited for until another handle is closed', async () => {
  const memory = createMachineMemory();
  const machine = new MachineState(memory);
  for (let taken = 0; taken < WORK_AREA_LIMIT; taken += 1) machine.takeWorkArea();
  const waiting = thread('takeWorkArea', memory);
  const heard: string[] = [];
  waiting.on('message', (word: string) => heard.push(word));
  await once(waiting, 'message');
  await delay(50); // long enough to see a thread that does not wait
  expect(heard).toEqual(['asking']);
  machine.freeWorkArea();
  await once(waiting, 'exit');
  expect(heard).toEqual(['asking', 'taken', 'done']);
});
