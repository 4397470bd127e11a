import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/log.js';
import { MAX_RECORD_BYTES, readErrorLogRecord } from '../rtas/index.js';
import type { Announcement } from '../base/announcement.js';
import { EventAnnouncer } from './event-announcer.js';

/** The part of a `FileHandle` that reading the kernel's event log needs. */
export interface RecordHandle {
  read(into: Uint8Array, offset: number, length: number, position: null): Promise<{ bytesRead: number }>;
  close(): Promise<void>;
}

export interface ErrorLogFeedOptions {
  readonly path: string;
  readonly announce: (announcement: Announcement) => void;
  readonly log: Logger;
  readonly pollMs?: number;
  readonly open?: (path: string) => Promise<RecordHandle>;
}

const POLL_MS = 500;
const REOPEN_MS = 10_000;

/** A kernel whose records are longer than any known answers EINVAL; beyond this it means something else. */
const MOST_RECORD_BYTES = 16 * MAX_RECORD_BYTES;

/** Nothing there now: empty, or silent after a fatal event. */
const EMPTY = new Set(['EAGAIN', 'ENODATA']);

/**
 * Announces the dumps of the events that the kernel hands out. Reading takes an event away from everybody else, so this
 * is for machines on which nothing else reads them.
 *
 * The file is opened not to block, and asked now and then: a thread that sleeps in read(2) could not be woken up.
 *
 * @see Linux arch/powerpc/kernel/rtasd.c, rtas_log_read
 */
export class ErrorLogFeed implements AsyncDisposable {
  readonly #options: ErrorLogFeedOptions;
  readonly #announcer: EventAnnouncer;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #record = new Uint8Array(MAX_RECORD_BYTES);
  #complaint = '';

  constructor(options: ErrorLogFeedOptions) {
    this.#options = options;
    this.#announcer = new EventAnnouncer(options.announce, options.log);
    this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  get #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        const handle = await (this.#options.open ?? openQuietly)(this.#options.path);
        await this.#consume(handle).finally(() => handle.close());
      } catch (error) {
        this.#complain((error as Error).message);
      }
      await this.#pause(REOPEN_MS);
    }
  }

  async #consume(handle: RecordHandle): Promise<void> {
    while (!this.#isStopped) {
      const bytes = await this.#read(handle);
      if (bytes > 0) this.#take(this.#record.subarray(0, bytes));
      else await this.#pause(this.#options.pollMs ?? POLL_MS);
    }
  }

  /** @returns 0 when there is nothing to read now */
  async #read(handle: RecordHandle): Promise<number> {
    try {
      const { bytesRead } = await handle.read(this.#record, 0, this.#record.length, null);
      this.#complaint = '';
      return bytesRead;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (code === 'EINTR' || (code === 'EINVAL' && this.#enlarge())) return this.#read(handle);
      if (!EMPTY.has(code)) throw error;
      return 0;
    }
  }

  #enlarge(): boolean {
    const length = this.#record.length * 2;
    if (length > MOST_RECORD_BYTES) return false;
    this.#record = new Uint8Array(length);
    return true;
  }

  #take(bytes: Uint8Array): void {
    const record = readErrorLogRecord(bytes);
    if (record === undefined) return;
    this.#options.log.debug('event read', { sequence: record.sequence });
    this.#announcer.take(record.event, false);
  }

  async #pause(delayMs: number): Promise<void> {
    await sleep(delayMs, undefined, { signal: this.#stop.signal, ref: false }).catch(() => undefined);
  }

  /** Each trouble is logged once until a read succeeds. */
  #complain(reason: string): void {
    if (this.#complaint === reason) return;
    this.#complaint = reason;
    this.#options.log.warn('cannot read firmware events, trying again', { path: this.#options.path, reason });
  }
}

function openQuietly(path: string): Promise<RecordHandle> {
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
}
