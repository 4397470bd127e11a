import { closeSync, fstatSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { MessageChannel, Worker, receiveMessageOnPort } from 'node:worker_threads';
import { exitWithoutThreads } from '../base/exit-without-threads.js';
import { threadEntry } from '../base/thread-entry.js';
import type { HeldFile, LevelReading } from './level-file.js';
import { LevelReader, SECURITYFS_MAGIC, failedReading, isSame, unreadable } from './level-file.js';
import type { LevelNews, LevelThreadData } from './level-protocol.js';
import { LookWords } from './level-protocol.js';

/** A look that takes longer counts as locked. */
const MOST_S = 1;

/** The same for the first look: nothing is shown before it, and a machine that just starts has other things to do. */
const FIRST_MOST_S = 10;

/** For a thread that never gets a processor, or never comes to life. */
const NO_THREAD_MS = 30_000;

/** How long is waited before looking whether the wait is in vain. */
const PATIENCE_MS = 50;

export interface LevelWatchOptions {
  readonly path: string;
  /** Time between two looks while nobody asks, in milliseconds. */
  readonly intervalMs: number;
  /** Type of the file systems whose files this thread reads by itself; only tests know another than securityfs. */
  readonly ownType?: number | undefined;
}

/**
 * Looks at the level: when told to, when inotify says that the file was written, and now and then besides.
 *
 * The path may lead to a file system that hangs. So another thread does whatever might wait for one, and this thread waits
 * for that one no longer than `MOST_S`, and no second time. The exception is what every real machine has, a file in a
 * securityfs: the kernel answers a read of an open one from its own memory, so this thread makes it itself.
 */
export class LevelWatch implements AsyncDisposable {
  /** Hears of what was read, whoever wanted to know; within `look` as well. */
  onReading: (reading: LevelReading) => void = () => undefined;
  readonly #ownType: number;
  readonly #words: LookWords;
  readonly #port: MessagePort;
  readonly #worker: Worker;
  readonly #timer: NodeJS.Timeout;
  readonly #reader = new LevelReader();
  readonly #startedAtMs = performance.now();
  /** Number of the last question to the thread. */
  #asked = 0;
  /** The file as this thread has opened it, to read it by itself. */
  #own: HeldFile | undefined;
  #ending: Promise<void> | undefined;

  constructor({ path, intervalMs, ownType = SECURITYFS_MAGIC }: LevelWatchOptions) {
    this.#ownType = ownType;
    const words = new SharedArrayBuffer(LookWords.BYTES);
    this.#words = new LookWords(words);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.on('message', (news: LevelNews) => this.#take(news));
    const data: LevelThreadData = { path, port: port2, words };
    this.#worker = new Worker(threadEntry('lockdown/level-thread.js'), {
      name: 'lockdown-level',
      workerData: data,
      transferList: [port2],
      // It keeps nothing; without a limit V8 lets garbage pile up.
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
    });
    this.#worker.on('error', () => this.onReading(unreadable('the thread that reads it has died')));
    this.#timer = setInterval(() => this.#tick(), intervalMs);
    // To watch is no reason to keep a process alive.
    this.#worker.unref();
    this.#port.unref();
    this.#timer.unref();
    this.#ask();
  }

  /** What the thread reads first. */
  async first(): Promise<LevelReading> {
    this.#port.ref();
    const reading = await new Promise<LevelReading>((resolve) => (this.onReading = resolve));
    this.#port.unref();
    return reading;
  }

  /** Looks now, and reports it before it returns. */
  look(): void {
    if (this.#own !== undefined) this.onReading(this.#readOwn(this.#own));
    else this.#awaitAnswer(this.#ask());
  }

  /** Resolves when the thread has ended, or cannot be ended: this process will not wait for it at its exit, then. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  #ask(): number {
    this.#asked += 1;
    this.#port.postMessage(this.#asked);
    return this.#asked;
  }

  #tick(): void {
    if (this.#isLate()) this.onReading(this.#tooSlow());
    else if (this.#words.answered === this.#asked) this.#ask();
  }

  #awaitAnswer(number: number): void {
    for (;;) {
      const { answered } = this.#words;
      if (answered === number) break;
      if (this.#isLate()) {
        this.onReading(this.#tooSlow());
        return;
      }
      this.#words.wait(answered, PATIENCE_MS);
    }
    // Sent before the answer was counted.
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { readonly message: LevelNews } | undefined;
      if (received === undefined) return;
      this.#take(received.message);
    }
  }

  #isLate(): boolean {
    if (this.#words.underWayMs >= 1000 * this.#mostS) return true;
    return this.#words.answered === 0 && performance.now() - this.#startedAtMs >= NO_THREAD_MS;
  }

  get #mostS(): number {
    return this.#words.answered === 0 ? FIRST_MOST_S : MOST_S;
  }

  #tooSlow(): LevelReading {
    return unreadable(`it was not read within ${this.#mostS} s`);
  }

  #take({ reading, held }: LevelNews): void {
    if (this.#ending === undefined) this.#adopt(held);
    this.onReading(reading);
  }

  #adopt(held: HeldFile | undefined): void {
    if (this.#own !== undefined && held !== undefined && isSame(this.#own, held)) return;
    this.#disown();
    if (held?.filesystemType !== this.#ownType) return;
    try {
      const fd = openSync(`/proc/self/fd/${held.fd}`, 'r');
      this.#own = { ...held, fd };
      // The thread may have let go of it meanwhile, and the number be something else by now.
      if (!isSame(held, fstatSync(fd))) this.#disown();
    } catch {
      // Then the thread is asked, as for any other file.
    }
  }

  #disown(): void {
    if (this.#own !== undefined) closeSync(this.#own.fd);
    this.#own = undefined;
  }

  #readOwn({ fd }: HeldFile): LevelReading {
    try {
      return this.#reader.read(fd);
    } catch (error) {
      return failedReading(error);
    }
  }

  async #end(): Promise<void> {
    clearInterval(this.#timer);
    this.#disown();
    this.onReading = () => undefined;
    const ended = this.#worker.terminate().then(() => true);
    while (!(await Promise.race([ended, sleep(PATIENCE_MS, false)])))
      if (this.#isLate()) {
        exitWithoutThreads();
        break;
      }
    this.#port.close();
  }
}
