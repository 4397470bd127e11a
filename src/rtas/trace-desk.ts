import type { MessagePort } from 'node:worker_threads';
import { BroadcastChannel, receiveMessageOnPort, threadId } from 'node:worker_threads';
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
  readonly #scribe: TraceScribe;
  readonly #port: BroadcastChannel;

  constructor(scribe: TraceScribe) {
    this.#scribe = scribe;
    this.#port = new BroadcastChannel(this.channel);
    this.#port.onmessage = (event) => this.#take((event as { readonly data: TraceMessage }).data);
    // Listening alone is no reason to stay alive.
    this.#port.unref();
  }

  /** Takes all that threads have sent so far, without waiting for the event loop. */
  drain(): void {
    for (let next = this.#receive(); next !== undefined; next = this.#receive()) this.#take(next.message);
  }

  [Symbol.dispose](): void {
    this.drain();
    this.#port.close();
  }

  #receive(): { readonly message: TraceMessage } | undefined {
    // The types have forgotten that Node takes these as well.
    const port = this.#port as unknown as MessagePort;
    return receiveMessageOnPort(port);
  }

  #take(message: TraceMessage): void {
    if (typeof message === 'string') this.#scribe.append(message);
    else if (typeof message === 'number') this.#scribe.addLost(message);
    else this.#scribe.settle(() => confirm(message));
  }
}

function confirm(word: Int32Array): void {
  Atomics.store(word, 0, SETTLED);
  Atomics.notify(word, 0);
}
