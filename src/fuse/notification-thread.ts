import type { Worker } from 'node:worker_threads';
import { startThread } from '../base/start-thread.js';
import type { NotificationAnswer, NotificationBatch } from './notification-batch.js';

/** What became of messages that were sent: errno names by place; those that are not there went well. */
export type Failures = NotificationAnswer['failures'];

interface Pending {
  readonly resolve: (failures: Failures) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Sends notifications from a thread of its own: the kernel keeps the sender waiting for locks that requests hold which
 * the main thread has to answer, and at lockdown there are as many messages as there are inodes. The thread is started
 * beforehand, so that they need not wait for it then.
 */
export class NotificationThread {
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #lastId = 0;

  constructor() {
    this.#worker = this.#start();
  }

  /**
   * Sends messages in order.
   * @throws Error when the thread died, whatever came of them, or there can be none
   */
  async send(fd: number, messages: readonly Uint8Array[]): Promise<Failures> {
    const id = ++this.#lastId;
    const bytes = packed(messages);
    this.#worker ??= this.#start();
    const batch: NotificationBatch = { id, fd, bytes };
    this.#worker.postMessage(batch, [bytes.buffer]);
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  /** A thread that still waits in the kernel ends when that lets go of it. */
  end(): void {
    void this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = startThread('fuse/notification-writer.js', {
      name: 'fuse-notify',
      // It keeps nothing; without a limit V8 lets garbage pile up.
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
    });
    worker.unref();
    worker.on('message', ({ id, failures }: NotificationAnswer) => {
      this.#pending.get(id)?.resolve(failures);
      this.#pending.delete(id);
    });
    worker.on('error', (error) => {
      this.#worker = undefined;
      for (const { reject } of this.#pending.values()) reject(error);
      this.#pending.clear();
    });
    return worker;
  }
}

function packed(messages: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(messages.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const message of messages) {
    bytes.set(message, at);
    at += message.length;
  }
  return bytes;
}
