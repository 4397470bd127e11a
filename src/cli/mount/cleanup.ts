import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../base/log.js';

/** What has to be given back, last taken first. One failure does not keep the rest from being given back. */
export class Cleanup {
  readonly #steps: { readonly what: string; readonly run: () => unknown }[] = [];
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param what for the log, should it fail */
  add(what: string, run: () => unknown): void {
    this.#steps.push({ what, run });
  }

  /** @returns false when it is not done after `timeoutMs`; it goes on then */
  async runWithin(timeoutMs: number): Promise<boolean> {
    const waiting = new AbortController();
    const timeout = sleep(timeoutMs, false, { signal: waiting.signal }).catch(() => false);
    const done = await Promise.race([this.#run().then(() => true), timeout]);
    waiting.abort();
    return done;
  }

  async #run(): Promise<void> {
    for (const { what, run } of this.#steps.splice(0).reverse()) {
      try {
        await run();
      } catch (error) {
        this.#log.error('clean-up failed', { what, error });
      }
    }
  }
}
