import type { Logger } from '../../base/log.js';
import type { KernelCacheChange } from '../../fs/index.js';
import { ROOT_INO } from '../../fs/index.js';
import { notifyDelete, notifyInvalidateEntry, notifyInvalidateInode } from '../notification.js';

export interface NotifierOptions {
  /** Writes one message to the device, off the main thread: it may take as long as the kernel likes. */
  readonly write: (message: Uint8Array) => Promise<unknown>;
  /** Whether requests about an inode are under way: they hold locks that a notification would wait for. */
  readonly isWaitedFor: (ino: number) => boolean;
  readonly log: Logger;
}

/**
 * Tells the kernel what to forget, one message at a time and never from the main thread.
 *
 * The kernel takes locks for most of these messages: the lock of each page, which a READ in flight holds until we answer
 * it; the lock of the directory, which a LOOKUP or UNLINK in flight holds. The thread that writes cannot even be killed
 * while it waits for them. So a message is held back here while we know of such a request (`isWaitedFor`), and written
 * on Node's thread pool because there may always be one more that we have not read yet.
 *
 * The queue is as long as there are inodes and names: what is queued already is not queued again.
 */
export class Notifier {
  readonly #options: NotifierOptions;
  readonly #queue = new Map<string, KernelCacheChange>();
  #sending: Promise<void> | undefined;
  #closed = false;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  enqueue(change: KernelCacheChange): void {
    if (this.#closed) return;
    if (change.kind === 'pages') this.#queue.delete(`attributes ${change.ino}`);
    if (change.kind === 'attributes' && this.#queue.has(`pages ${change.ino}`)) return;
    this.#queue.set(keyOf(change), change);
    this.sendMore();
  }

  /** Called again when an inode is no longer waited for. */
  sendMore(): void {
    if (this.#sending !== undefined || this.#closed) return;
    for (const [key, change] of this.#queue) {
      if (this.#options.isWaitedFor(lockedBy(change))) continue;
      this.#queue.delete(key);
      this.#sending = this.#send(change).then(() => {
        this.#sending = undefined;
        this.sendMore();
      });
      return;
    }
  }

  /** Drops what is queued. Resolves when nothing is being written any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.clear();
    await this.#sending;
  }

  async #send(change: KernelCacheChange): Promise<void> {
    switch (change.kind) {
      case 'attributes':
      case 'pages':
        return this.#write(notifyInvalidateInode(change.ino, change.kind), () => undefined);
      case 'entry':
        return this.#write(notifyInvalidateEntry(ROOT_INO, change.name), () => undefined);
      case 'delete':
        return this.#write(notifyDelete(ROOT_INO, change.ino, change.name), () =>
          // Refused, as for a name that something is mounted on: let it at least be looked up again.
          this.#write(notifyInvalidateEntry(ROOT_INO, change.name), () => undefined),
        );
    }
  }

  async #write(message: Uint8Array, otherwise: () => Promise<void> | undefined): Promise<void> {
    try {
      await this.#options.write(message);
    } catch (error) {
      // The kernel does not know the inode or the name: there is nothing to forget.
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
      this.#options.log.warn('the kernel refused a notification', { error });
      await otherwise();
    }
  }
}

function keyOf(change: KernelCacheChange): string {
  switch (change.kind) {
    case 'attributes':
    case 'pages':
      return `${change.kind} ${change.ino}`;
    case 'entry':
      return `entry ${change.name}`;
    case 'delete':
      return `delete ${change.ino} ${change.name}`;
  }
}

/** The inode whose lock, or whose pages' locks, the kernel takes. Attributes alone need none. */
function lockedBy(change: KernelCacheChange): number {
  switch (change.kind) {
    case 'attributes':
      return 0;
    case 'pages':
      return change.ino;
    case 'entry':
    case 'delete':
      return ROOT_INO;
  }
}
