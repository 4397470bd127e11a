import type { Worker } from 'node:worker_threads';
import { startThread } from '../base/start-thread.js';
import type { DriverSpec, FirmwareTally } from '../source/index.js';
import type { Command, HandData, HandEvent } from './protocol.js';
import { Control, NO_PASS, READY } from './protocol.js';

/** What a hand tells whoever uses it. */
export interface HandListener {
  onEvent(event: HandEvent): void;
  /** The thread died: its pass and all commands under way are lost. */
  onCrash(error: Error): void;
}

/** A thread that makes firmware calls, as seen from the main thread. */
export interface Hand {
  readonly control: Control;
  /** Number of the pass that it can go on with, without being told more about it. */
  holds: number;
  use(listener: HandListener | undefined): void;
  send(command: Command): void;
  /** Ends the thread even when it waits inside the simulated firmware. A real call under way ends first. */
  end(): Promise<void>;
}

export interface HandLife {
  /** The thread has loaded its modules: commands are carried out from now on. */
  onReady(): void;
  /** It could not be started, or died by itself. Its listener is told afterwards. */
  onGone(error: Error): void;
}

/** @throws Error when there is no thread to be had at this moment */
export type StartHand = (life: HandLife) => Hand;

/** A hand allocates next to nothing; without limits V8 lets the garbage of many threads pile up. */
const HEAP_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 };

export class HandWorker implements Hand {
  readonly control = new Control();
  holds = NO_PASS;
  readonly #worker: Worker;
  /** Settles when the thread has loaded its modules, or will not. */
  readonly #loaded: Promise<void>;
  #listener: HandListener | undefined;
  #hasEnded = false;

  constructor(driver: DriverSpec, slabs: readonly SharedArrayBuffer[], tally: FirmwareTally, life: HandLife) {
    const cells = tally.take();
    const workerData: HandData = { driver, slabs, control: this.control.buffer, tally: cells.buffer };
    this.#worker = startThread('transfer/hand-thread.js', {
      workerData,
      resourceLimits: HEAP_LIMITS,
      // Descriptors belong to the process: one hand opens what another one closes.
      trackUnmanagedFds: false,
    });
    // The mount keeps the process alive, not the threads that serve it.
    this.#worker.unref();
    this.#loaded = new Promise((resolve) => {
      this.#worker.once('message', () => resolve());
      this.#worker.once('exit', () => resolve());
    });
    this.#worker.on('message', (message: HandEvent | typeof READY) => {
      if (message.op === READY.op) life.onReady();
      else this.#listener?.onEvent(message);
    });
    this.#worker.once('exit', () => tally.giveBack(cells));
    this.#worker.on('error', (error) => this.#onGone(error, life));
    this.#worker.once('exit', (status) => this.#onGone(new Error(`the thread ended with ${status}`), life));
  }

  use(listener: HandListener | undefined): void {
    this.#listener = listener;
  }

  send(command: Command): void {
    this.#worker.postMessage(command);
  }

  async end(): Promise<void> {
    this.#hasEnded = true;
    this.#listener = undefined;
    this.control.want(NO_PASS);
    this.#worker.ref();
    // A thread that is ended while it loads a native module takes the whole process with it (napi_throw, SIGABRT).
    await this.#loaded;
    await this.#worker.terminate();
  }

  #onGone(error: Error, life: HandLife): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const listener = this.#listener;
    life.onGone(error);
    listener?.onCrash(error);
  }
}
