import { describe, expect, test, vi } from 'vitest';
import { ByteReader } from '../../../../src/base/byte-reader.js';
import type { Logger } from '../../../../src/base/log.js';
import { silentLogger } from '../../../../src/base/log.js';
import type { KernelCacheChange } from '../../../../src/fs/index.js';
import { Notifier } from '../../../../src/fuse/kernel/notifier.js';
import type { Failures } from '../../../../src/fuse/notification-thread.js';

/** A kernel that takes one batch at a time, when it is told to, and answers with error codes or nothing. */
class Kernel {
  readonly waitedFor = new Set<number>();
  readonly batches: (readonly string[])[] = [];
  readonly warnings: unknown[] = [];
  readonly errors: unknown[] = [];
  readonly notifier: Notifier;
  #pending: ((codes: readonly (string | undefined)[] | Error) => void) | undefined;

  constructor() {
    const log: Logger = {
      ...silentLogger,
      warn: (_message, fields) => void this.warnings.push(fields),
      error: (_message, fields) => void this.errors.push(fields?.['error']),
    };
    this.notifier = new Notifier({
      write: (messages) => this.#write(messages),
      isWaitedFor: (ino) => this.waitedFor.has(ino),
      log,
    });
  }

  /** Lets the batch that is being written return, and what follows from it happen. */
  async take(result: readonly (string | undefined)[] | Error = []): Promise<void> {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.(result);
    await new Promise(setImmediate);
  }

  /** Everything that was sent, when nothing more comes. */
  async takeAll(): Promise<readonly string[]> {
    await new Promise(setImmediate);
    while (this.#pending !== undefined) await this.take();
    return this.batches.flat();
  }

  #write(messages: readonly Uint8Array[]): Promise<Failures> {
    if (this.#pending !== undefined) throw new Error('two batches at a time');
    this.batches.push(messages.map(describeMessage));
    return new Promise((resolve, reject) => {
      this.#pending = (result) => {
        if (result instanceof Error) reject(result);
        else resolve(new Map(result.flatMap((code, at) => (code === undefined ? [] : [[at, code]]))));
      };
    });
  }
}

function describeMessage(message: Uint8Array): string {
  const reader = new ByteReader(message);
  reader.skip(4);
  const code = reader.i32();
  reader.skip(8);
  const first = reader.u64AsNumber();
  if (code === 2) return `${reader.u64() === 0n ? 'pages' : 'attributes'} ${first}`;
  if (code === 3) {
    reader.skip(8);
    return `entry ${reader.cString()}`;
  }
  const child = reader.u64AsNumber();
  reader.skip(8);
  return `delete ${child} ${reader.cString()}`;
}

describe('Notifier', () => {
  test('sends what happens together in one batch, inodes before names, each in order', async () => {
    const kernel = new Kernel();
    const changes: KernelCacheChange[] = [
      { kind: 'entry', name: 'a' },
      { kind: 'attributes', ino: 5 },
      { kind: 'delete', name: 'b', ino: 7 },
      { kind: 'pages', ino: 6 },
    ];
    for (const change of changes) kernel.notifier.enqueue(change);
    await kernel.takeAll();
    expect(kernel.batches).toEqual([['attributes 5', 'pages 6', 'entry a', 'delete 7 b']]);
  });

  test('queues the same change once, and pages stand for attributes too', async () => {
    const kernel = new Kernel();
    for (const ino of [5, 5, 6]) kernel.notifier.enqueue({ kind: 'attributes', ino });
    kernel.notifier.enqueue({ kind: 'pages', ino: 5 });
    kernel.notifier.enqueue({ kind: 'attributes', ino: 5 });
    expect(await kernel.takeAll()).toEqual(['attributes 6', 'pages 5']);
  });

  test('sends again what changes while it is being sent, and one batch at a time', async () => {
    const kernel = new Kernel();
    kernel.notifier.enqueue({ kind: 'pages', ino: 5 });
    await new Promise(setImmediate);
    for (const ino of [5, 6]) kernel.notifier.enqueue({ kind: 'pages', ino });
    await new Promise(setImmediate);
    expect(kernel.batches).toEqual([['pages 5']]);
    await kernel.takeAll();
    expect(kernel.batches).toEqual([['pages 5'], ['pages 5', 'pages 6']]);
  });

  test('holds back what a request under way has locked, and nothing else', async () => {
    const kernel = new Kernel();
    kernel.waitedFor.add(5).add(1);
    kernel.notifier.enqueue({ kind: 'pages', ino: 5 });
    kernel.notifier.enqueue({ kind: 'entry', name: 'a' });
    kernel.notifier.enqueue({ kind: 'delete', name: 'b', ino: 7 });
    kernel.notifier.enqueue({ kind: 'pages', ino: 6 });
    kernel.notifier.enqueue({ kind: 'attributes', ino: 1 });
    expect(await kernel.takeAll()).toEqual(['pages 6', 'attributes 1']);
    kernel.waitedFor.clear();
    kernel.notifier.sendMore();
    expect((await kernel.takeAll()).slice(2)).toEqual(['pages 5', 'entry a', 'delete 7 b']);
  });

  test('at lockdown pages of open files go at once, then all others, but those that a request has locked', async () => {
    const kernel = new Kernel();
    kernel.waitedFor.add(6);
    kernel.notifier.enqueue({ kind: 'all pages', open: [5, 6], others: [7, 8] });
    expect(kernel.batches).toEqual([['pages 5']]);
    await kernel.takeAll();
    kernel.waitedFor.clear();
    kernel.notifier.sendMore();
    await kernel.takeAll();
    expect(kernel.batches).toEqual([['pages 5'], ['pages 7', 'pages 8'], ['pages 6']]);
  });

  test.each(['ENOENT', 'ENODEV', 'EBADF'])('%s is as good as done', async (code) => {
    const kernel = new Kernel();
    kernel.notifier.enqueue({ kind: 'delete', name: 'b', ino: 7 });
    await new Promise(setImmediate);
    await kernel.take([code]);
    expect(await kernel.takeAll()).toEqual(['delete 7 b']);
    expect(kernel.warnings).toEqual([]);
  });

  test('a delete that is refused becomes an entry, and refusals are said once', async () => {
    const kernel = new Kernel();
    kernel.notifier.enqueue({ kind: 'pages', ino: 5 });
    kernel.notifier.enqueue({ kind: 'delete', name: 'a', ino: 6 });
    kernel.notifier.enqueue({ kind: 'delete', name: 'b', ino: 7 });
    await new Promise(setImmediate);
    await kernel.take(['EIO', undefined, 'EBUSY']);
    await kernel.takeAll();
    expect(kernel.batches).toEqual([['pages 5', 'delete 6 a', 'delete 7 b'], ['entry b']]);
    expect(kernel.warnings).toEqual([{ code: 'EIO', count: 2 }]);
  });

  test('tries again a second after its writer failed, until it does not, and says so once', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const kernel = new Kernel();
      kernel.notifier.enqueue({ kind: 'pages', ino: 5 });
      await new Promise(setImmediate);
      await kernel.take(new Error('the thread died'));
      kernel.notifier.enqueue({ kind: 'pages', ino: 6 });
      await new Promise(setImmediate);
      expect(kernel.batches).toEqual([['pages 5']]);
      vi.advanceTimersByTime(1000);
      await kernel.take(new Error('no thread can be started'));
      vi.advanceTimersByTime(1000);
      await kernel.takeAll();
      expect(kernel.batches.slice(1)).toEqual([
        ['pages 5', 'pages 6'],
        ['pages 5', 'pages 6'],
      ]);
      expect(kernel.errors).toEqual([new Error('the thread died')]);
      vi.advanceTimersByTime(10_000);
      await new Promise(setImmediate);
      expect(kernel.batches).toHaveLength(3);
    } finally {
      vi.useRealTimers();
    }
  });

  test('close drops what is queued, takes no more, and waits for what is under way', async () => {
    const kernel = new Kernel();
    kernel.notifier.enqueue({ kind: 'pages', ino: 5 });
    await new Promise(setImmediate);
    kernel.notifier.enqueue({ kind: 'pages', ino: 6 });
    let closed = false;
    const closing = kernel.notifier.close().then(() => (closed = true));
    kernel.notifier.enqueue({ kind: 'pages', ino: 8 });
    await new Promise(setImmediate);
    expect(closed).toBe(false);
    await kernel.take();
    await closing;
    expect(await kernel.takeAll()).toEqual(['pages 5']);
  });
});
