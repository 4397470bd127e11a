import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { LineNews } from './line-file.js';
import type { LineReport } from './line-protocol.js';
import { ORDER } from './line-protocol.js';
import { hasPipes, unrefChild } from './piped-child.js';
import { threadEntry } from './thread-entry.js';

/** How long the file may take to be opened, in milliseconds. */
const OPENING_MS = 10_000;
/** A writer that does not answer for so long is in trouble, in milliseconds. */
const LATE_MS = 1000;

const NO_ANSWER = `its file system does not answer for ${LATE_MS / 1000} s`;

/** What becomes of the lines of a `LineWriter`. */
export interface WriterNews extends LineNews {
  /** The file cannot be opened again, and the one that is open goes on. */
  onNotReopened?(reason: string): void;
}

/**
 * Has lines written to a file by a process of its own. A thread would not do: one that is stuck in a file system that hangs
 * keeps the process from ending, and its descriptors from being closed, after SIGKILL too.
 */
export class LineWriter implements AsyncDisposable {
  readonly #news: WriterNews;
  readonly #child: ChildProcess;
  readonly #orders: Writable;
  /** Whom to tell of the next `settled`. */
  readonly #unsettled: (() => void)[] = [];
  #onBegin: (failure?: string) => void = () => undefined;
  #late: NodeJS.Timeout | undefined;
  /** It does not answer, or is gone; that was said. */
  #trouble: 'none' | 'late' | 'gone' = 'none';

  /**
   * @param entry the file of a process that calls `writeLines`, from the root of the program
   * @param args what that process is to know besides the path
   * @throws Error in one line where the file cannot be used
   */
  static async open(
    entry: string,
    path: string,
    news: WriterNews,
    args: readonly string[] = [],
  ): Promise<LineWriter> {
    const program = fileURLToPath(threadEntry(entry));
    const child = spawn(process.execPath, [program, resolve(path), ...args], {
      stdio: ['pipe', 'pipe', 'ignore'],
      // It keeps no directory busy.
      cwd: '/',
    });
    if (!hasPipes(child)) {
      const [error] = (await once(child, 'error')) as [Error];
      throw error;
    }
    const writer = new LineWriter(child, child.stdin, news);
    try {
      await writer.#begin(child.stdout);
    } catch (error) {
      // Whoever is told why needs no second line.
      child.removeAllListeners('exit');
      child.kill('SIGKILL');
      throw error;
    } finally {
      unrefChild(child);
    }
    return writer;
  }

  private constructor(child: ChildProcess, orders: Writable, news: WriterNews) {
    this.#news = news;
    this.#child = child;
    this.#orders = orders;
    // What it has not taken is lost with it.
    orders.on('error', () => undefined);
    child.on('error', ({ message }) => this.#onGone(message));
    child.on('exit', (status, signal) => this.#onGone(`its process ended with ${String(status ?? signal)}`));
  }

  /** Nothing is written any more. */
  get isGone(): boolean {
    return this.#trouble === 'gone';
  }

  /** What the writer has not taken, in bytes. */
  get untakenBytes(): number {
    return this.#orders.writableLength;
  }

  append(line: string): void {
    if (this.#trouble !== 'gone') this.#orders.write(`${ORDER.append}${line}\n`);
  }

  addLost(count: number): void {
    if (this.#trouble !== 'gone') this.#orders.write(`${ORDER.lost}${count}\n`);
  }

  /** Has the file opened again, which somebody has moved away. */
  reopen(): void {
    if (this.#trouble !== 'gone') this.#orders.write(`${ORDER.reopen}\n`);
  }

  /** Calls back, in order, when all that came before has been done or is lost. */
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
      createInterface(reports).on('line', (line) => this.#take(JSON.parse(line) as LineReport));
    });
    if (failure !== undefined) throw new Error(failure);
  }

  #take(report: LineReport): void {
    if (report.op === 'ready') this.#onBegin();
    else if (report.op === 'failed') this.#onBegin(report.reason);
    else if (report.op === 'trouble') this.#news.onTrouble(report.reason);
    else if (report.op === 'recovery') this.#news.onRecovery(report.lost);
    else if (report.op === 'not-reopened') this.#news.onNotReopened?.(report.reason);
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
