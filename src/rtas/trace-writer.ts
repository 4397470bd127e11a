import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { threadEntry } from '../base/thread-entry.js';
import { TraceDesk } from './trace-desk.js';
import type { TraceScribe } from './trace-desk.js';
import type { TraceNews } from './trace-file.js';
import { ORDER } from './trace-protocol.js';
import type { TraceReport } from './trace-protocol.js';

/** How long the file may take to be opened, in milliseconds. */
const OPENING_MS = 10_000;
/** A writer that does not answer for so long is in trouble, in milliseconds. */
const LATE_MS = 1000;

const NO_ANSWER = `its file system does not answer for ${LATE_MS / 1000} s`;

/**
 * Has the trace of firmware calls written by a process of its own. A thread would not do: one that is stuck in a file system
 * that hangs keeps the process from ending, and its descriptors from being closed, after SIGKILL too.
 */
export class TraceWriter implements TraceScribe, AsyncDisposable {
  readonly #news: TraceNews;
  readonly #child: ChildProcess;
  readonly #orders: Writable;
  readonly #desk = new TraceDesk(this);
  /** Whom to tell of the next `settled`. */
  readonly #unsettled: (() => void)[] = [];
  #onBegin: (failure?: string) => void = () => undefined;
  #late: NodeJS.Timeout | undefined;
  /** It does not answer, or is gone; that was said. */
  #trouble: 'none' | 'late' | 'gone' = 'none';

  /** @throws Error in one line where the trace cannot be begun */
  static async open(path: string, news: TraceNews): Promise<TraceWriter> {
    const entry = fileURLToPath(threadEntry('rtas/trace-process.js'));
    const child = spawn(process.execPath, [entry, resolve(path)], {
      stdio: ['pipe', 'pipe', 'ignore'],
      // It keeps no directory busy.
      cwd: '/',
    });
    const writer = new TraceWriter(child, child.stdin, news);
    try {
      await writer.#begin(child.stdout);
    } catch (error) {
      // Whoever is told why needs no second line.
      child.removeAllListeners('exit');
      child.kill('SIGKILL');
      throw error;
    } finally {
      // Serving dumps is what keeps the process alive.
      for (const handle of [child, child.stdin, child.stdout] as unknown as Referenced[]) handle.unref();
    }
    return writer;
  }

  private constructor(child: ChildProcess, orders: Writable, news: TraceNews) {
    this.#news = news;
    this.#child = child;
    this.#orders = orders;
    // What it has not taken is lost with it.
    orders.on('error', () => undefined);
    child.on('error', ({ message }) => this.#onGone(message));
    child.on('exit', (status, signal) => this.#onGone(`its process ended with ${String(status ?? signal)}`));
  }

  /** For `FirmwareTrace`s. */
  get channel(): string {
    return this.#desk.channel;
  }

  append(line: string): void {
    if (this.#trouble !== 'gone') this.#orders.write(`${ORDER.append}${line}\n`);
  }

  addLost(count: number): void {
    if (this.#trouble !== 'gone') this.#orders.write(`${ORDER.lost}${count}\n`);
  }

  settle(done: () => void): void {
    if (this.#trouble === 'gone') {
      done();
      return;
    }
    this.#unsettled.push(done);
    this.#orders.write(`${ORDER.settle}\n`);
    this.#late ??= setTimeout(() => this.#onLate(), LATE_MS).unref();
  }

  /** Resolves when the writer has written what it was given, or does not answer: it goes on alone then, until it can end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#desk[Symbol.dispose]();
    clearTimeout(this.#late);
    this.#child.removeAllListeners('exit');
    this.#orders.end();
    if (this.#trouble !== 'none') return;
    this.#child.ref();
    const limit = new AbortController();
    const { signal } = limit;
    await Promise.race([once(this.#child, 'exit', { signal }), sleep(LATE_MS, undefined, { signal })]);
    this.#child.unref();
    limit.abort();
  }

  /** @throws Error in one line where the file cannot be opened */
  async #begin(reports: Readable): Promise<void> {
    const failure = await new Promise<string | undefined>((begin) => {
      const limit = setTimeout(() => begin(`it was not opened within ${OPENING_MS / 1000} s`), OPENING_MS);
      this.#onBegin = (why) => {
        clearTimeout(limit);
        begin(why);
      };
      createInterface(reports).on('line', (line) => this.#take(JSON.parse(line) as TraceReport));
    });
    if (failure !== undefined) throw new Error(failure);
  }

  #take(report: TraceReport): void {
    if (report.op === 'ready') this.#onBegin();
    else if (report.op === 'failed') this.#onBegin(report.reason);
    else if (report.op === 'trouble') this.#news.onTrouble(report.reason);
    else if (report.op === 'recovery') this.#news.onRecovery(report.lost);
    else this.#onSettled();
  }

  #onSettled(): void {
    clearTimeout(this.#late);
    this.#late = undefined;
    this.#unsettled.shift()?.();
    if (this.#unsettled.length > 0) this.#late = setTimeout(() => this.#onLate(), LATE_MS).unref();
    if (this.#trouble !== 'late') return;
    this.#trouble = 'none';
    this.#news.onRecovery(0);
  }

  #onLate(): void {
    this.#trouble = 'late';
    this.#news.onTrouble(NO_ANSWER);
  }

  #onGone(reason: string): void {
    this.#onBegin(reason);
    this.#trouble = 'gone';
    clearTimeout(this.#late);
    for (const done of this.#unsettled.splice(0)) done();
    this.#news.onTrouble(reason);
  }
}

/** What a child and its pipes are, and the types of the pipes do not say. */
interface Referenced {
  unref(): void;
}
