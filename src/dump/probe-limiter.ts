import { FsError } from '../base/errno.js';

/** Probes that may start in a burst, and how fast they come back. */
const BURST = 10;
const PER_SECOND = 10;
/** How long a "not there" is believed. */
const NEGATIVE_MS = 2000;
const MOST_NEGATIVES = 1024;

/**
 * Keeps questions to firmware about unlisted tags few: one at a time per key, a bounded rate, remembered "no"s. Each
 * group of users has one of its own, so that nobody's questions use up what another one may ask.
 */
export class ProbeLimiter<Key, Value> {
  readonly #now: () => number;
  readonly #mostAtOnce: number;
  readonly #running = new Map<Key, Promise<Value>>();
  readonly #negativeUntilMs = new Map<Key, number>();
  #tokens = BURST;
  #refilledAtMs: number;

  /** @param mostAtOnce questions under way: each may keep a hand for as long as firmware takes */
  constructor(now: () => number, mostAtOnce = Infinity) {
    this.#now = now;
    this.#mostAtOnce = mostAtOnce;
    this.#refilledAtMs = now();
  }

  /** @throws FsError EAGAIN when too many probes were asked for */
  async ask(key: Key, question: () => Promise<Value>): Promise<Value | undefined> {
    if ((this.#negativeUntilMs.get(key) ?? -Infinity) > this.#now()) return undefined;
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    if (this.#running.size >= this.#mostAtOnce) throw tooMany();
    this.#takeToken();
    const probe = question();
    this.#running.set(key, probe);
    try {
      const answer = await probe;
      if (answer === undefined) this.#remember(key);
      return answer;
    } finally {
      this.#running.delete(key);
    }
  }

  #takeToken(): void {
    const now = this.#now();
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#refilledAtMs) / 1000) * PER_SECOND);
    this.#refilledAtMs = now;
    if (this.#tokens < 1) throw tooMany();
    this.#tokens -= 1;
  }

  #remember(key: Key): void {
    if (this.#negativeUntilMs.size >= MOST_NEGATIVES) this.#negativeUntilMs.clear();
    this.#negativeUntilMs.set(key, this.#now() + NEGATIVE_MS);
  }
}

/** Not a log line of its own: whoever asks for a million names would write the log full. */
function tooMany(): FsError {
  return new FsError('EAGAIN', 'too many unknown dump names asked for, try again in a second', {
    severity: 'debug',
  });
}
