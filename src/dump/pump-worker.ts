import { Worker } from 'node:worker_threads';
import { threadEntry } from '../base/thread-entry.js';
import type { DriverSpec } from '../source/index.js';
import type { PumpCommand, PumpEvent, PumpThreadData } from './pump-protocol.js';
import { Control, READY } from './pump-protocol.js';
import type { PumpThread, PumpThreadListener } from './pump-threads.js';

/** A pump thread as seen from the store. */
export class PumpWorker implements PumpThread {
  readonly control = new Control();
  readonly #worker: Worker;
  /** Settles when the thread has loaded its modules, or will not. */
  readonly #loaded: Promise<void>;
  #listener: PumpThreadListener | undefined;

  /** @param onGone called when the thread died by itself, before its listener is told */
  constructor(driver: DriverSpec, slabs: readonly SharedArrayBuffer[], onGone: () => void) {
    const workerData: PumpThreadData = { driver, slabs, control: this.control.buffer };
    this.#worker = new Worker(threadEntry('dump/pump-thread.js'), {
      workerData,
      // A pump thread allocates next to nothing; without a limit V8 lets garbage of 16 threads pile up.
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 },
    });
    // The mount keeps the process alive, not the threads that serve it.
    this.#worker.unref();
    this.#loaded = new Promise((resolve) => {
      this.#worker.once('message', () => resolve());
      this.#worker.once('exit', () => resolve());
    });
    this.#worker.on('message', (message: PumpEvent | typeof READY) => {
      if (message.op !== READY.op) this.#listener?.onEvent(message);
    });
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

  async end(): Promise<void> {
    this.#listener = undefined;
    this.control.nextEpoch();
    this.#worker.ref();
    // A thread that is ended while it loads a native module takes the whole process with it (napi_throw, SIGABRT).
    await this.#loaded;
    await this.#worker.terminate();
  }
}
