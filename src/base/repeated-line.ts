import type { LogFields } from './log.js';

const DEFAULT_EVERY_MS = 10_000;

/** A log line that may come thousands of times: said once, then how often it came again. */
export class RepeatedLine {
  readonly #write: (message: string, fields: LogFields) => void;
  readonly #everyMs: number;
  #message = '';
  #fields: LogFields = {};
  #key: string | undefined;
  #again = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param everyMs how often a count is said at most, in milliseconds */
  constructor(write: (message: string, fields: LogFields) => void, everyMs = DEFAULT_EVERY_MS) {
    this.#write = write;
    this.#everyMs = everyMs;
  }

  /** @param key the same for what is the same */
  say(message: string, fields: LogFields, key: string): void {
    if (key === this.#key) {
      this.#again += 1;
      this.#timer ??= setTimeout(() => this.#sayCount(), this.#everyMs).unref();
      return;
    }
    this.#sayCount();
    this.#key = key;
    this.#message = message;
    this.#fields = fields;
    this.#write(message, fields);
  }

  /** What it complained of is over: next time it is news again. */
  end(): void {
    this.#sayCount();
    this.#key = undefined;
  }

  #sayCount(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#again === 0) return;
    this.#write(`${this.#message}, again`, { ...this.#fields, times: this.#again });
    this.#again = 0;
  }
}
