import type { DumpTag } from '../base/tag.js';

/** Asks firmware about one tag. `later`: it could not say, because of an error or another program. */
export type Verify = (tag: DumpTag) => Promise<'settled' | 'later'>;

export interface VerifierOptions {
  readonly verify: Verify;
  /** Least pause between two questions: firmware has other work, and each may cost a line in the kernel's log. */
  readonly paceMs?: number;
  readonly retryMs?: number;
}

const PACE_MS = 20;
const RETRY_MS = 30_000;
const MOST_TRIES = 5;

/**
 * Asks firmware whether announced dumps are there: one after the other, at a bounded pace, in the order in which they
 * were announced. What firmware cannot answer is asked again later, a few times.
 */
export class Verifier {
  readonly #verify: Verify;
  readonly #paceMs: number;
  readonly #retryMs: number;
  /** Tags to ask about, and how often that was tried. */
  readonly #queue = new Map<DumpTag, number>();
  readonly #later = new Map<DumpTag, number>();
  #timer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #isAsking = false;
  #stopped = false;

  constructor({ verify, paceMs = PACE_MS, retryMs = RETRY_MS }: VerifierOptions) {
    this.#verify = verify;
    this.#paceMs = paceMs;
    this.#retryMs = retryMs;
  }

  /** Tags that are still to be asked about. */
  get pending(): number {
    return this.#queue.size + this.#later.size;
  }

  ask(tag: DumpTag): void {
    if (this.#stopped || this.#later.has(tag) || this.#queue.has(tag)) return;
    this.#queue.set(tag, 0);
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#retryTimer);
    this.#queue.clear();
    this.#later.clear();
  }

  #arm(): void {
    if (this.#isAsking || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#askNext();
    }, this.#paceMs);
    this.#timer.unref();
  }

  async #askNext(): Promise<void> {
    const [next] = this.#queue;
    if (next === undefined) return;
    const [tag, tries] = next;
    this.#isAsking = true;
    const answer = await this.#verify(tag);
    this.#isAsking = false;
    this.#queue.delete(tag);
    if (answer === 'later' && tries + 1 < MOST_TRIES) this.#postpone(tag, tries + 1);
    this.#arm();
  }

  #postpone(tag: DumpTag, tries: number): void {
    if (this.#stopped) return;
    this.#later.set(tag, tries);
    this.#retryTimer ??= setTimeout(() => {
      this.#retryTimer = undefined;
      for (const [postponed, before] of this.#later) this.#queue.set(postponed, before);
      this.#later.clear();
      this.#arm();
    }, this.#retryMs);
    this.#retryTimer.unref();
  }
}
