import type { MessagePort } from 'node:worker_threads';
import type { HeldFile, LevelReading } from './level-file.js';

/** What the thread that looks at the level is started with. */
export interface LevelThreadData {
  readonly path: string;
  readonly port: MessagePort;
  readonly words: SharedArrayBuffer;
}

/** From the thread, after each look. */
export interface LevelNews {
  readonly reading: LevelReading;
  readonly held: HeldFile | undefined;
}

/** What both sides see of the looks at once, whatever messages are still on their way. */
export class LookWords {
  static readonly BYTES = 2 * Int32Array.BYTES_PER_ELEMENT;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  // --- the thread ---

  begin(): void {
    // The last bit stands for "under way": 0 is none.
    Atomics.store(this.#words, BEGUN, nowMs() | 1);
  }

  end(): void {
    Atomics.store(this.#words, BEGUN, 0);
  }

  /** After what was read has been sent. */
  answer(asked: number): void {
    Atomics.store(this.#words, ANSWERED, asked);
    Atomics.notify(this.#words, ANSWERED);
  }

  // --- the main thread ---

  get answered(): number {
    return Atomics.load(this.#words, ANSWERED);
  }

  /** For how long the look under way has been taking, in milliseconds; 0: there is none. */
  get underWayMs(): number {
    const begun = Atomics.load(this.#words, BEGUN);
    return begun === 0 ? 0 : (nowMs() - begun) | 0;
  }

  /** Blocks the thread until a question is answered that is not answered yet, or for `timeoutMs`. */
  wait(answered: number, timeoutMs: number): void {
    Atomics.wait(this.#words, ANSWERED, answered, timeoutMs);
  }
}

const BEGUN = 0;
const ANSWERED = 1;

/** Of a clock that all threads share, in 32 bits that wrap around. */
function nowMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n) | 0;
}
