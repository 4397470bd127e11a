import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { MachineState, createMachineMemory } from '../../../src/sim/index.js';
import type { RtasLock } from '../../../src/sim/rtas-lock.js';
import { machineThread } from './machine-thread.js';

const ME = 9;

function newLock(memory: SharedArrayBuffer): RtasLock {
  return new MachineState(memory).lock;
}

/** Three calls. */
function caller(memory: SharedArrayBuffer): Worker {
  return machineThread('count', memory, { total: new SharedArrayBuffer(8), turns: 3 });
}

/** Starts a thread and waits until it is in line; only its first call's duration tells, so that has to be a new one. */
async function signerInLine(
  memory: SharedArrayBuffer,
  log: SharedArrayBuffer,
  data: { readonly name: number; readonly turns: number; readonly stayMs: number },
): Promise<Worker> {
  const words = new Int32Array(memory);
  const stayUs = data.stayMs * 1000;
  expect(words).not.toContain(stayUs);
  const thread = machineThread('sign', memory, { log, ...data });
  while (!words.includes(stayUs)) await delay(1);
  return thread;
}

test('RtasLock lets one thread in at a time', async () => {
  const memory = createMachineMemory();
  const total = new SharedArrayBuffer(8);
  const threads = [1, 2, 3].map(() => machineThread('count', memory, { total, turns: 5000 }));
  await Promise.all(threads.map((one) => once(one, 'exit')));
  expect([...new Int32Array(total)]).toEqual([15_000, 300_000]);
});

test('RtasLock serves sixteen threads and more', async () => {
  const memory = createMachineMemory();
  const total = new SharedArrayBuffer(8);
  const threads = Array.from({ length: 20 }, () => machineThread('count', memory, { total, turns: 1000 }));
  await Promise.all(threads.map((one) => once(one, 'exit')));
  expect(new Int32Array(total)[0]).toBe(20_000);
});

test('RtasLock passes over a thread that was killed inside', async () => {
  const memory = createMachineMemory();
  const killed = newLock(memory);
  killed.acquire(0);
  await expect(once(caller(memory), 'message')).resolves.toEqual(['done']);
  // The late one, should it live after all, does not disturb who came after it.
  killed.release();
  await expect(once(caller(memory), 'message')).resolves.toEqual(['done']);
});

test('RtasLock passes over a thread that was killed in line', async () => {
  const memory = createMachineMemory();
  const lock = newLock(memory);
  const log = new SharedArrayBuffer(400);
  lock.acquire(0);
  const killed = await signerInLine(memory, log, { name: 1, turns: 1, stayMs: 0.301 });
  await killed.terminate();
  const behind = await signerInLine(memory, log, { name: 2, turns: 1, stayMs: 0.302 });
  lock.release();
  await expect(once(behind, 'message')).resolves.toEqual(['done']);
  expect([...new Int32Array(log, 0, 3)]).toEqual([1, 2, 0]);
});

test('RtasLock lets the next one in when a thread does not go on with its turn', async () => {
  const memory = createMachineMemory();
  const lock = newLock(memory);
  const log = new SharedArrayBuffer(400);
  lock.acquire(0);
  const waiting = await signerInLine(memory, log, { name: 1, turns: 1, stayMs: 0.301 });
  lock.release();
  await expect(once(waiting, 'message')).resolves.toEqual(['done']);
});

test.each([
  { myMs: 0.1, theirMs: [0.101], most: [4] },
  { myMs: 0.02, theirMs: [0.1], most: [6] },
  { myMs: 0, theirMs: [0.5], most: [2] },
  { myMs: 0.02, theirMs: [0.1, 0.5, 0.101], most: [2, 2, 2] },
  { myMs: 1, theirMs: [0.02, 0.1], most: [2, 6] },
])(
  'RtasLock gives each its turn, in order, after at most $most calls: mine of $myMs ms, theirs of $theirMs ms',
  async ({ myMs, theirMs, most }) => {
    const memory = createMachineMemory();
    const lock = newLock(memory);
    const log = new SharedArrayBuffer(10_000);
    const words = new Int32Array(log);
    lock.acquire(myMs);
    const threads: Worker[] = [];
    for (const [at, stayMs] of theirMs.entries())
      threads.push(await signerInLine(memory, log, { name: at + 1, turns: 100, stayMs }));
    // Whoever does not go on calling gives the turn up, so this never waits for them.
    for (let calls = 0; calls < 100; calls += 1) {
      words[0] = (words[0] ?? 0) + 1;
      words[words[0]] = ME;
      lock.release();
      lock.acquire(myMs);
    }
    lock.release();
    await Promise.all(threads.map((one) => once(one, 'exit')));
    const calls = [...words.subarray(1, (words[0] ?? 0) + 1)];
    expect(calls).toHaveLength(100 * (threads.length + 1));
    // All stood in line at the first call. What came after the last one's turn depends on who asked when.
    const order = [ME, ...theirMs.map((_, at) => at + 1)];
    const begins = order.map((name) => calls.indexOf(name));
    expect(begins).toEqual(begins.toSorted((a, b) => a - b));
    for (const [at, count] of most.entries())
      expect(begins[at + 1]).toBeLessThanOrEqual((begins[at] ?? 0) + count);
  },
);

test('RtasLock is not passed on at each call', async () => {
  const memory = createMachineMemory();
  const turns = 20_000;
  const log = new SharedArrayBuffer((2 * turns + 1) * Int32Array.BYTES_PER_ELEMENT);
  const lock = newLock(memory);
  lock.acquire(0);
  // One call is enough to be in line, and as fast as the others.
  const first = await signerInLine(memory, log, { name: 1, turns, stayMs: 0.001 });
  const second = machineThread('sign', memory, { log, name: 2, turns, stayMs: 0.001 });
  lock.release();
  await Promise.all([first, second].map((one) => once(one, 'exit')));
  const calls = new Int32Array(log).subarray(1);
  const turnsTaken = calls.filter((name, at) => name !== calls[at - 1]).length;
  expect(calls.filter((name) => name === 1)).toHaveLength(turns);
  expect(turnsTaken).toBeLessThan(calls.length / 10);
});
