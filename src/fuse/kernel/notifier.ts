import type { Logger } from '../../base/log.js';
import type { KernelCacheChange } from '../../fs/index.js';
import { ROOT_INO } from '../../fs/index.js';
import { notifyDelete, notifyInvalidateEntry, notifyInvalidateInode } from '../notification.js';
import { NOTHING_TO_FORGET } from '../notification-batch.js';
import type { Failures } from '../notification-thread.js';

/** How long until what could not be written is tried again. */
const RETRY_MS = 1000;

/** One message. */
type Change = Exclude<KernelCacheChange, { kind: 'all pages' }>;

export interface NotifierOptions {
  /** Writes messages to the device, off the main thread: it may take as long as the kernel likes. */
  readonly write: (messages: readonly Uint8Array[]) => Promise<Failures>;
  /** Whether requests about an inode are under way: they hold locks that a notification would wait for. */
  readonly isWaitedFor: (ino: number) => boolean;
  readonly log: Logger;
}

/**
 * Tells the kernel what to forget, all that is known at a time and never from the main thread.
 *
 * The kernel takes locks for most of these messages: the lock of each page, which a READ in flight holds until we answer
 * it; the lock of the directory, which a LOOKUP or UNLINK in flight holds. The thread that writes cannot even be killed
 * while it waits for them. So a message is held back here while we know of such a request (`isWaitedFor`), and written
 * by another thread because there may always be one more that we have not read yet.
 *
 * The queue is as long as there are inodes and names: what is queued already is not queued again. At lockdown that is
 * ten thousand messages in one go, so they travel together, pages first.
 */
export class Notifier {
  readonly #options: NotifierOptions;
  readonly #queue = new Map<string, Change>();
  #scheduled = false;
  #sending: Promise<void> | undefined;
  /** Set while writing rests after a failure. */
  #retry: NodeJS.Timeout | undefined;
  #saidFailure = false;
  #closed = false;
  #rests = false;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  enqueue(change: KernelCacheChange): void {
    if (this.#closed) return;
    if (change.kind === 'all pages') {
      // Only what is open can still be read from: it does not wait until all the rest is put together.
      for (const ino of change.open) this.#add({ kind: 'pages', ino });
      this.sendMore();
      for (const ino of change.others) this.#add({ kind: 'pages', ino });
      // By then requests that waited for open files are answered, and those go first after all.
      setImmediate(() => this.sendMore());
      return;
    }
    this.#add(change);
    if (this.#scheduled) return;
    this.#scheduled = true;
    // What happens together is sent together.
    queueMicrotask(() => {
      this.#scheduled = false;
      this.sendMore();
    });
  }

  /** Called again when an inode is no longer waited for. */
  sendMore(): void {
    if (this.#sending !== undefined || this.#retry !== undefined) return;
    if (this.#closed || this.#rests || this.#queue.size === 0) return;
    const batch = this.#takeSendable();
    if (batch.length === 0) return;
    this.#sending = this.#send(batch).then(() => {
      this.#sending = undefined;
      this.sendMore();
    });
  }

  /** Writes nothing more for now. Resolves, with true, when nothing is being written any more. */
  async rest(): Promise<true> {
    this.#rests = true;
    await this.#sending;
    return true;
  }

  goOn(): void {
    this.#rests = false;
    this.sendMore();
  }

  /** Drops what is queued. Resolves when nothing is being written any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.clear();
    clearTimeout(this.#retry);
    await this.#sending;
  }

  #add(change: Change): void {
    if (change.kind === 'pages') this.#queue.delete(`attributes ${change.ino}`);
    if (change.kind === 'attributes' && this.#queue.has(`pages ${change.ino}`)) return;
    this.#queue.set(keyOf(change), change);
  }

  /** Pages before names: the lock of the directory may be long in coming. */
  #takeSendable(): readonly Change[] {
    const [inodes, names]: [Change[], Change[]] = [[], []];
    for (const [key, change] of this.#queue) {
      if (this.#options.isWaitedFor(lockedBy(change))) continue;
      this.#queue.delete(key);
      (isOfName(change) ? names : inodes).push(change);
    }
    return inodes.concat(names);
  }

  async #send(batch: readonly Change[]): Promise<void> {
    const refused = await this.#write(batch);
    // A name that could not be deleted, as one that something is mounted on: let it at least be looked up again.
    const instead = refused.flatMap((change): Change[] =>
      change.kind === 'delete' ? [{ kind: 'entry', name: change.name }] : [],
    );
    if (instead.length > 0) await this.#write(instead);
  }

  /** @returns what the kernel refused */
  async #write(batch: readonly Change[]): Promise<readonly Change[]> {
    try {
      const failures = await this.#options.write(batch.map(messageOf));
      this.#saidFailure = false;
      const codes = [...failures.values()].filter((code) => !NOTHING_TO_FORGET.has(code));
      if (codes.length === 0) return [];
      const { log } = this.#options;
      log.warn('the kernel refused notifications', { code: codes[0], count: codes.length });
      return batch.filter((_, index) => !NOTHING_TO_FORGET.has(failures.get(index) ?? 'ENOENT'));
    } catch (error) {
      this.#tryAgain(batch, error);
      return [];
    }
  }

  /** The thread that writes could not be started, or died: some messages may have been written, which does no harm. */
  #tryAgain(batch: readonly Change[], error: unknown): void {
    if (!this.#saidFailure)
      this.#options.log.error('the kernel could not be told to drop what it has cached: trying again', {
        error,
      });
    this.#saidFailure = true;
    if (this.#closed) return;
    for (const change of batch) this.#add(change);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.sendMore();
    }, RETRY_MS).unref();
  }
}

function messageOf(change: Change): Uint8Array {
  switch (change.kind) {
    case 'attributes':
    case 'pages':
      return notifyInvalidateInode(change.ino, change.kind);
    case 'entry':
      return notifyInvalidateEntry(ROOT_INO, change.name);
    case 'delete':
      return notifyDelete(ROOT_INO, change.ino, change.name);
  }
}

function isOfName({ kind }: Change): boolean {
  return kind === 'entry' || kind === 'delete';
}

function keyOf(change: Change): string {
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
function lockedBy(change: Change): number {
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
