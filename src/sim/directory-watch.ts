import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { performance } from 'node:perf_hooks';

export interface DirectoryWatchOptions {
  /** Names whose files may have changed. */
  readonly onNames: (names: ReadonlySet<string>) => void;
  /** The notifications failed: only looking at everything from time to time is left. */
  readonly onFailure: (error: unknown) => void;
}

/** Events of one change come in bursts; a burst is handled as one. */
const GATHER_MS = 20;

/** Tells which names of a directory to look at again. Does not keep the process alive. */
export class DirectoryWatch implements Disposable {
  readonly #options: DirectoryWatchOptions;
  #watcher: FSWatcher | undefined;
  #names = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #dueMs = Infinity;

  constructor(directory: string, options: DirectoryWatchOptions) {
    this.#options = options;
    try {
      this.#watcher = watch(directory, { persistent: false }, (_event, name) => {
        if (name !== null) this.note(name, GATHER_MS);
      });
      this.#watcher.on('error', (error) => this.#fail(error));
    } catch (thrown) {
      options.onFailure(thrown);
    }
  }

  /** Asks for a look at `name` within `delayMs`. */
  note(name: string, delayMs: number): void {
    this.#names.add(name);
    const dueMs = performance.now() + delayMs;
    if (dueMs >= this.#dueMs) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#hand(), delayMs).unref();
    this.#dueMs = dueMs;
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    clearTimeout(this.#timer);
  }

  #hand(): void {
    this.#dueMs = Infinity;
    const names = this.#names;
    this.#names = new Set();
    this.#options.onNames(names);
  }

  #fail(error: unknown): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#options.onFailure(error);
  }
}
