import { watch } from 'node:fs';
import type { BigIntStats, FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Logger } from '../base/log.js';
import { FollowedFile } from './followed-file.js';
import type { TakeBytes } from './followed-file.js';

export interface FileFollowerOptions {
  readonly path: string;
  /** Called for every file that appears at `path`, and when one is rewritten. */
  readonly makeTaker: () => TakeBytes;
  readonly log: Logger;
  readonly pollMs?: number;
}

const POLL_MS = 1000;
/** A log that is written without pause is looked at so often, not more. */
const LEAST_PAUSE_MS = 50;

/** A writer that was not told of a rotation goes on in the renamed file, for this long at most. */
const RETIRED_MS = 60 * 60 * 1000;

/**
 * Follows whatever file is at a path, as `tail -F` does: absent and appearing later, growing, truncated, rewritten,
 * renamed away. Looks when the kernel reports a change, and every `pollMs`. Waits for nothing but file system calls.
 */
export class FileFollower implements AsyncDisposable {
  readonly #options: FileFollowerOptions;
  readonly #stop = new AbortController();
  #current: FollowedFile | undefined;
  /** The one before, until the next has bytes: who writes it may not have noticed the rotation. */
  #retired: { readonly file: FollowedFile; readonly untilMs: number } | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #isFirstLook = true;
  #complaint = '';

  constructor(options: FileFollowerOptions) {
    this.#options = options;
    this.poke();
  }

  /** Looks now, or once more if it is looking. */
  poke(): void {
    if (this.#stop.signal.aborted) return;
    if (this.#looking !== undefined) {
      this.#lookAgain = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
      this.#schedule(this.#lookAgain ? LEAST_PAUSE_MS : (this.#options.pollMs ?? POLL_MS));
      this.#lookAgain = false;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    this.#watcher?.close();
    await this.#looking;
    await this.#retired?.file.close();
    await this.#current?.close();
  }

  #schedule(delayMs: number): void {
    if (this.#stop.signal.aborted) return;
    this.#timer = setTimeout(() => this.poke(), delayMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    try {
      await this.#current?.drain(this.#stop.signal);
      await this.#followPath();
      await this.#drainRetired();
      this.#complaint = '';
    } catch (error) {
      this.#complain((error as Error).message);
    }
    this.#isFirstLook = false;
  }

  async #followPath(): Promise<void> {
    const stats = await this.#statPath();
    if (stats === undefined || this.#current?.isAt(stats) === true) return;
    const { path, makeTaker } = this.#options;
    const next = await FollowedFile.open(path, makeTaker, this.#isFirstLook);
    await this.#retired?.file.close();
    const previous = this.#current;
    this.#retired = previous && { file: previous, untilMs: performance.now() + RETIRED_MS };
    this.#current = next;
    this.#watch(path);
    await next.drain(this.#stop.signal);
  }

  async #drainRetired(): Promise<void> {
    if (this.#retired === undefined) return;
    const { file, untilMs } = this.#retired;
    await file.drain(this.#stop.signal);
    if ((this.#current?.offset ?? 0) === 0 && performance.now() < untilMs) return;
    this.#retired = undefined;
    await file.close();
  }

  async #statPath(): Promise<BigIntStats | undefined> {
    try {
      return await stat(this.#options.path, { bigint: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #watch(path: string): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    try {
      this.#watcher = watch(path, { persistent: false }, () => this.poke());
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // No inotify watch is free, or the file is gone again: looking now and then finds everything, only later.
    }
  }

  /** Each trouble is logged once until it is over. */
  #complain(reason: string): void {
    if (this.#complaint === reason) return;
    this.#complaint = reason;
    this.#options.log.warn('cannot follow the log for announced dumps, trying again', {
      path: this.#options.path,
      reason,
    });
  }
}
