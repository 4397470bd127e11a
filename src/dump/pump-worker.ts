import { Worker } from 'node:worker_threads';
import { threadEntry } from '../base/thread-entry.js';
import type { DriverSpec } from '../source/index.js';
import type { PumpCommand, PumpEvent, PumpThreadData } from './pump-protocol.js';
import { Control } from './pump-protocol.js';
import type { PumpThread, PumpThreadListener } from './pump-threads.js';

/** A pump thread as seen from the store. */
export class PumpWorker implements PumpThread {
  readonly control = new Control();
  readonly #worker: Worker;
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

  async end(): Promise<void> {
    this.#listener = undefined;
    this.control.nextEpoch();
    await this.#worker.terminate();
  }
}
