import { describe, expect, test } from 'vitest';
import type { DumpTag } from '../../../src/base/tag.js';
import { dumpTag } from '../../../src/base/tag.js';
import { Control } from '../../../src/dump/pump-protocol.js';
import type { PumpThread, PumpThreadListener, ThreadClient } from '../../../src/dump/pump-threads.js';
import { PumpThreads } from '../../../src/dump/pump-threads.js';
import { deferred } from '../../support/deferred.js';

class FakeThread implements PumpThread {
  readonly control = new Control();
  listener: PumpThreadListener | undefined;
  ended = false;
  /** The thread takes its time to end. */
  goes: Promise<void> = Promise.resolve();
  readonly onGone: () => void;

  constructor(onGone: () => void) {
    this.onGone = onGone;
  }

  use(listener: PumpThreadListener | undefined): void {
    this.listener = listener;
  }

  send(): void {
    // Nobody looks at commands here.
  }

  end(): Promise<void> {
    this.ended = true;
    return this.goes;
  }
}

/** A client that gives its thread back when the test says so: a real one has to close a cursor first. */
class FakeClient implements ThreadClient {
  readonly tag: DumpTag;
  readonly #threads: PumpThreads;
  thread: PumpThread | undefined;
  costOfYielding: number | undefined;
  isStuck = false;
  isAsked = false;

  constructor(tag: number, threads: PumpThreads) {
    this.tag = dumpTag(BigInt(tag));
    this.#threads = threads;
  }

  onThread(thread: PumpThread): void {
    this.thread = thread;
  }

  yieldThread(): void {
    this.isAsked = true;
    this.costOfYielding = undefined;
  }

  giveBack(): void {
    const { thread } = this;
    this.thread = undefined;
    this.costOfYielding = undefined;
    if (thread !== undefined) this.#threads.release(thread);
  }
}

interface Scene {
  readonly threads: PumpThreads;
  readonly started: FakeThread[];
  /** One client per tag; equal numbers are incarnations of the same tag. */
  readonly clients: (...tags: number[]) => FakeClient[];
}

function scene(most: number, mostExtra = 0): Scene {
  const started: FakeThread[] = [];
  const threads = new PumpThreads(most, mostExtra, (onGone) => {
    const thread = new FakeThread(onGone);
    started.push(thread);
    return thread;
  });
  return { threads, started, clients: (...tags) => tags.map((tag) => new FakeClient(tag, threads)) };
}

function holders(clients: readonly FakeClient[]): boolean[] {
  return clients.map(({ thread }) => thread !== undefined);
}

describe('PumpThreads', () => {
  test('starts as many threads as it may, the next client waits for the first that comes back', () => {
    const { threads, clients } = scene(2);
    const all = clients(1, 2, 3, 4);
    for (const client of all) threads.request(client);
    expect(holders(all)).toEqual([true, true, false, false]);
    expect(threads.waiting).toBe(2);
    all[1]!.giveBack();
    expect(holders(all)).toEqual([true, false, true, false]);
  });

  test('hands a thread that came back to the next client instead of starting one', () => {
    const { threads, started, clients } = scene(2);
    const [first, second] = clients(1, 2) as [FakeClient, FakeClient];
    threads.request(first);
    first.giveBack();
    threads.request(second);
    expect(started).toHaveLength(1);
    expect(second.thread).toBe(started[0]);
  });

  test('keeps a thread ready from when it is told to, and gives it to the next client', () => {
    const { threads, started, clients } = scene(2);
    threads.tick();
    expect(started).toHaveLength(0);
    threads.keepOneReady();
    threads.tick();
    expect(started).toHaveLength(1);
    const [client] = clients(1) as [FakeClient];
    threads.request(client);
    expect(started).toHaveLength(1);
    expect(client.thread).toBe(started[0]);
  });

  test('starts the next one to be ready when nothing is in transfer, and no more than may work', () => {
    const { threads, started, clients } = scene(2);
    threads.keepOneReady();
    const [first, second] = clients(1, 2) as [FakeClient, FakeClient];
    threads.request(first);
    threads.tick();
    expect(started).toHaveLength(1);
    first.costOfYielding = 1;
    threads.tick();
    threads.tick();
    expect(started).toHaveLength(2);
    threads.request(second);
    second.costOfYielding = 1;
    threads.tick();
    expect(started).toHaveLength(2);
  });

  test('starts no other one to be ready after one died, but who needs a thread gets one', () => {
    const { threads, started, clients } = scene(2);
    threads.keepOneReady();
    started[0]!.onGone();
    threads.tick();
    expect(started).toHaveLength(1);
    const [client] = clients(1) as [FakeClient];
    threads.request(client);
    expect(client.thread).toBe(started[1]);
  });

  test('ends the one that is ready with the others', async () => {
    const { threads, started } = scene(2);
    threads.keepOneReady();
    await threads.end();
    threads.tick();
    expect(started.map(({ ended }) => ended)).toEqual([true]);
  });

  test('two incarnations of a tag never hold a thread at the same time', () => {
    const { threads, clients } = scene(2);
    const [older, newer, other] = clients(1, 1, 2) as [FakeClient, FakeClient, FakeClient];
    threads.request(older);
    threads.request(newer);
    threads.request(other);
    expect(holders([older, newer, other])).toEqual([true, false, true]);
    older.giveBack();
    expect(holders([newer])).toEqual([true]);
  });

  test('asks the holder whom it costs least, and nobody whom it would hurt', () => {
    const { threads, clients } = scene(3);
    const all = clients(1, 2, 3, 4, 5);
    for (const client of all.slice(0, 3)) threads.request(client);
    all[0]!.costOfYielding = 2;
    all[1]!.costOfYielding = 1;
    threads.request(all[3]!);
    expect(all.map(({ isAsked }) => isAsked)).toEqual([false, true, false, false, false]);
    threads.request(all[4]!);
    expect(all.map(({ isAsked }) => isAsked)).toEqual([true, true, false, false, false]);
    all[0]!.giveBack();
    all[1]!.giveBack();
    expect(holders(all)).toEqual([false, false, true, true, true]);
  });

  test("a client that does not want one any more takes nobody else's", () => {
    const { threads, clients } = scene(1);
    const [holder, waiting] = clients(1, 2) as [FakeClient, FakeClient];
    threads.request(holder);
    threads.request(waiting);
    threads.withdraw(waiting);
    holder.costOfYielding = 1;
    threads.reclaim();
    expect(holders([holder, waiting])).toEqual([true, false]);
    expect(threads.waiting).toBe(0);
  });

  test('keeps few threads that nobody uses', () => {
    const { threads, started, clients } = scene(5);
    const all = clients(1, 2, 3, 4, 5);
    for (const client of all) threads.request(client);
    for (const client of all) client.giveBack();
    expect(started.filter(({ ended }) => !ended)).toHaveLength(2);
  });

  test('a thread that died is replaced', () => {
    const { threads, started, clients } = scene(1);
    const [first, second] = clients(1, 2) as [FakeClient, FakeClient];
    threads.request(first);
    threads.request(second);
    first.thread = undefined;
    started[0]!.onGone();
    expect(second.thread).toBe(started[1]);
  });

  test('ends all threads, in use or not', async () => {
    const { threads, started, clients } = scene(3);
    const all = clients(1, 2, 3);
    for (const client of all) threads.request(client);
    all[0]!.giveBack();
    await threads.end();
    expect(started.map(({ ended }) => ended)).toEqual([true, true, true]);
  });

  test('waits for those whose end began before', async () => {
    const { threads, started, clients } = scene(3);
    const all = clients(1, 2, 3);
    for (const client of all) threads.request(client);
    const { promise, resolve } = deferred<undefined>();
    started[0]!.goes = promise;
    for (const client of all) client.giveBack();
    expect(started.map(({ ended }) => ended)).toEqual([true, false, false]);
    let isOver = false;
    const end = threads.end().then(() => (isOver = true));
    // Behind everything that has been settled.
    await new Promise((settled) => setImmediate(settled));
    expect({ ended: started.map(({ ended }) => ended), isOver }).toEqual({
      ended: [true, true, true],
      isOver: false,
    });
    resolve(undefined);
    await end;
  });

  test('threads that are stuck in firmware are replaced, as far as that goes', () => {
    const { threads, clients } = scene(2, 1);
    const all = clients(1, 2, 3, 4);
    for (const client of all) threads.request(client);
    expect(holders(all)).toEqual([true, true, false, false]);
    for (const client of all.slice(0, 2)) client.isStuck = true;
    threads.tick();
    expect(holders(all)).toEqual([true, true, true, false]);
    threads.tick();
    expect(threads.waiting).toBe(1);
  });

  test('a thread that came out of firmware counts again', () => {
    const { threads, clients } = scene(1, 1);
    const [stuck, other, third] = clients(1, 2, 3) as [FakeClient, FakeClient, FakeClient];
    threads.request(stuck);
    stuck.isStuck = true;
    threads.request(other);
    expect(holders([stuck, other])).toEqual([true, true]);
    stuck.isStuck = false;
    threads.request(third);
    other.giveBack();
    expect(holders([third])).toEqual([false]);
    stuck.giveBack();
    expect(holders([third])).toEqual([true]);
  });
});
