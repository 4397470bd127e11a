import { Worker } from 'node:worker_threads';
import { threadEntry } from '../base/thread-entry.js';
import type { DriverSpec } from '../source/index.js';
import type { PumpCommand, PumpEvent, PumpThreadData } from './pump-protocol.js';
import { Control } from './pump-protocol.js';

/** What a thread tells the pump that uses it. */
export interface PumpThreadListener {
  onEvent(event: PumpEvent): void;
  /** The thread died: its cursor and all commands under way are lost. */
  onCrash(error: Error): void;
}

/** A pump thread as seen from the store. */
export class PumpThread {
  readonly control = new Control();
  readonly #worker: Worker;
  #listener: PumpThreadListener | undefined;

  constructor(driver: DriverSpec, slabs: readonly SharedArrayBuffer[], onGone: () => void) {
    const workerData: PumpThreadData = { driver, slabs, control: this.control.buffer };
    this.#worker = new Worker(threadEntry(import.meta.url, './pump-thread.js'), {
      workerData,
      // A pump thread allocates next to nothing; without a limit V8 lets garbage of 16 threads pile up.
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 },
    });
    // The mount keeps the process alive, not the threads that serve it.
    this.#worker.unref();
    this.#worker.on('message', (event: PumpEvent) => this.#listener?.onEvent(event));
    this.#worker.on('error', (error) => {
      onGone();
      this.#listener?.onCrash(error);
    });
  }

  use(listener: PumpThreadListener | undefined): void {
    this.#listener = listener;
  }

  send(command: PumpCommand): void {
    this.#worker.postMessage(command);
  }

  /** Ends the thread even when it waits inside the simulated firmware. A real call under way ends first. */
  async end(): Promise<void> {
    this.#listener = undefined;
    this.control.nextEpoch();
    await this.#worker.terminate();
  }
}

/** Who wants a thread, and who might give one up. */
export interface ThreadClient {
  /** A thread became free for this client. */
  onThread(thread: PumpThread): void;
  /**
   * How little it would hurt this client to close its cursor and hand its thread back: lower is better,
   * undefined: not now.
   */
  readonly costOfYielding: number | undefined;
  /** Close the cursor, then `release` the thread. */
  yieldThread(): void;
}

const SPARE_THREADS = 2;

/** The bounded set of pump threads: as many as firmware handles may be open at once. */
export class PumpThreads {
  readonly #most: number;
  readonly #start: (onGone: (thread: PumpThread) => void) => PumpThread;
  readonly #spare: PumpThread[] = [];
  readonly #holders = new Map<PumpThread, ThreadClient>();
  readonly #queue: ThreadClient[] = [];

  constructor(most: number, driver: DriverSpec, slabs: readonly SharedArrayBuffer[]) {
    this.#most = most;
    this.#start = (onGone) => {
      const thread: PumpThread = new PumpThread(driver, slabs, () => onGone(thread));
      return thread;
    };
  }

  /** Clients that wait for a thread because all are busy. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Gives `client` a thread, at once or as soon as somebody yields one. */
  request(client: ThreadClient): void {
    const thread = this.#spare.pop() ?? (this.#holders.size < this.#most ? this.#startThread() : undefined);
    if (thread !== undefined) {
      this.#grant(thread, client);
      return;
    }
    if (!this.#queue.includes(client)) this.#queue.push(client);
    this.reclaim();
  }

  /** The client does not want a thread any more. */
  withdraw(client: ThreadClient): void {
    const at = this.#queue.indexOf(client);
    if (at >= 0) this.#queue.splice(at, 1);
  }

  /** Takes back a thread whose cursor is closed. */
  release(thread: PumpThread): void {
    thread.use(undefined);
    if (!this.#holders.delete(thread)) return;
    const next = this.#queue.shift();
    if (next !== undefined) this.#grant(thread, next);
    else if (this.#spare.length < SPARE_THREADS) this.#spare.push(thread);
    else void thread.end();
  }

  /** Asks the holder who minds least to yield, while somebody waits. */
  reclaim(): void {
    if (this.#queue.length === 0) return;
    let cheapest: ThreadClient | undefined;
    for (const holder of this.#holders.values()) {
      if ((holder.costOfYielding ?? Infinity) < (cheapest?.costOfYielding ?? Infinity)) cheapest = holder;
    }
    cheapest?.yieldThread();
  }

  async end(): Promise<void> {
    this.#queue.length = 0;
    const threads = [...this.#spare.splice(0), ...this.#holders.keys()];
    this.#holders.clear();
    await Promise.all(threads.map((thread) => thread.end()));
  }

  #grant(thread: PumpThread, client: ThreadClient): void {
    this.#holders.set(thread, client);
    client.onThread(thread);
  }

  #startThread(): PumpThread {
    return this.#start((gone) => {
      this.#holders.delete(gone);
      const at = this.#spare.indexOf(gone);
      if (at >= 0) this.#spare.splice(at, 1);
      const next = this.#queue.shift();
      if (next !== undefined) this.request(next);
    });
  }
}
