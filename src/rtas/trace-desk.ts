import { BroadcastChannel, threadId } from 'node:worker_threads';
import type { TraceMessage } from './trace.js';
import { SETTLED } from './trace.js';

/** Who writes down what threads have to say. */
export interface TraceScribe {
  append(line: string): void;
  /** So many lines were lost before the next one. */
  addLost(count: number): void;
  /** Calls back, in order, when all that came before has been written or is lost. */
  settle(done: () => void): void;
}

let made = 0;

/** Takes the lines of all `FirmwareTrace`s of this process, in the order in which they were recorded. */
export class TraceDesk implements Disposable {
  /** Name of the channel. */
  readonly channel = `platdumpfs trace ${process.pid}.${threadId}.${(made += 1)}`;
  readonly #port: BroadcastChannel;

  constructor(scribe: TraceScribe) {
    this.#port = new BroadcastChannel(this.channel);
    this.#port.onmessage = (event) => {
      const { data } = event as { readonly data: TraceMessage };
      if (typeof data === 'string') scribe.append(data);
      else if (typeof data === 'number') scribe.addLost(data);
      else scribe.settle(() => confirm(data));
    };
    // Listening alone is no reason to stay alive.
    this.#port.unref();
  }

  [Symbol.dispose](): void {
    this.#port.close();
  }
}

function confirm(word: Int32Array): void {
  Atomics.store(word, 0, SETTLED);
  Atomics.notify(word, 0);
}
