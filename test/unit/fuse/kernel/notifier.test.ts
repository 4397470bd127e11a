import { describe, expect, test } from 'vitest';
import { ByteReader } from '../../../../src/base/byte-reader.js';
import type { Logger } from '../../../../src/base/log.js';
import { silentLogger } from '../../../../src/base/log.js';
import type { KernelCacheChange } from '../../../../src/fs/index.js';
import { Notifier } from '../../../../src/fuse/kernel/notifier.js';

/** A kernel that takes one message at a time, when it is told to, and answers with an error code or nothing. */
class Kernel {
  readonly waitedFor = new Set<number>();
  readonly taken: string[] = [];
  readonly warnings: unknown[] = [];
  readonly notifier: Notifier;
  #pending: ((code: string | undefined) => void) | undefined;

  constructor() {
    const log: Logger = {
      ...silentLogger,
      warn: (_message, fields) => void this.warnings.push(fields?.['error']),
    };
    this.notifier = new Notifier({
      write: (message) => this.#write(message),
      isWaitedFor: (ino) => this.waitedFor.has(ino),
      log,
    });
  }

  /** Lets the message that is being written return, and what follows from it happen. */
  async take(code?: string): Promise<void> {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.(code);
    await new Promise(setImmediate);
  }

  async takeAll(): Promise<readonly string[]> {
    while (this.#pending !== undefined) await this.take();
    return this.taken;
  }

  #write(message: Uint8Array): Promise<void> {
    if (this.#pending !== undefined) throw new Error('two messages at a time');
    this.taken.push(describeMessage(message));
    return new Promise((resolve, reject) => {
      this.#pending = (code) =>
        code === undefined ? resolve() : reject(Object.assign(new Error(code), { code }));
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
  test('sends each kind, in order, one after the other', async () => {
    const kernel = new Kernel();
    const changes: KernelCacheChange[] = [
      { kind: 'attributes', ino: 5 },
      { kind: 'pages', ino: 6 },
      { kind: 'entry', name: 'a' },
      { kind: 'delete', name: 'b', ino: 7 },
    ];
    for (const change of changes) kernel.notifier.enqueue(change);
    expect(await kernel.takeAll()).toEqual(['attributes 5', 'pages 6', 'entry a', 'delete 7 b']);
  });

  test('queues the same change once, and pages stand for attributes too', async () => {
    const kernel = new Kernel();
    kernel.notifier.enqueue({ kind: 'entry', name: 'first' });
    for (const ino of [5, 5, 6]) kernel.notifier.enqueue({ kind: 'attributes', ino });
    kernel.notifier.enqueue({ kind: 'pages', ino: 5 });
    kernel.notifier.enqueue({ kind: 'attributes', ino: 5 });
    expect(await kernel.takeAll()).toEqual(['entry first', 'attributes 6', 'pages 5']);
  });

  test('sends again what changes while it is being sent', async () => {
    const kernel = new Kernel();
    kernel.notifier.enqueue({ kind: 'pages', ino: 5 });
    kernel.notifier.enqueue({ kind: 'pages', ino: 5 });
    expect(await kernel.takeAll()).toEqual(['pages 5', 'pages 5']);
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

  test('ENOENT is as good as done', async () => {
    const kernel = new Kernel();
    kernel.notifier.enqueue({ kind: 'delete', name: 'b', ino: 7 });
    kernel.notifier.enqueue({ kind: 'pages', ino: 5 });
    await kernel.take('ENOENT');
    expect(kernel.taken).toEqual(['delete 7 b', 'pages 5']);
    expect(kernel.warnings).toEqual([]);
  });

  test('a delete that is refused becomes an entry, and the refusal is said', async () => {
    const kernel = new Kernel();
    kernel.notifier.enqueue({ kind: 'delete', name: 'b', ino: 7 });
    await kernel.take('EBUSY');
    expect(await kernel.takeAll()).toEqual(['delete 7 b', 'entry b']);
    expect(kernel.warnings).toHaveLength(1);
  });

  test('close drops what is queued, takes no more, and waits for what is under way', async () => {
    const kernel = new Kernel();
    kernel.notifier.enqueue({ kind: 'pages', ino: 5 });
    kernel.notifier.enqueue({ kind: 'pages', ino: 6 });
    let closed = false;
    const closing = kernel.notifier.close().then(() => (closed = true));
    kernel.notifier.enqueue({ kind: 'pages', ino: 8 });
    await new Promise(setImmediate);
    expect(closed).toBe(false);
    await kernel.take();
    await closing;
    expect(kernel.taken).toEqual(['pages 5']);
  });
});
