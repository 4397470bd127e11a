import type { Logger } from '../base/log.js';

/** Locked once, locked for good; whoever subscribed hears of it exactly once. */
export class LockdownLatch {
  readonly #listeners = new Set<() => void>();
  readonly #log: Logger;
  #reason: string | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  get closed(): boolean {
    return this.#reason !== undefined;
  }

  /** Why it closed. */
  get reason(): string | undefined {
    return this.#reason;
  }

  close(reason: string): void {
    if (this.closed) return;
    this.#reason = reason;
    for (const listener of [...this.#listeners]) this.#notify(listener);
    this.#listeners.clear();
  }

  /** A subscriber that comes too late hears of it as well, soon: secrets must not stay because of a race. */
  onClose(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.closed)
      queueMicrotask(() => {
        if (this.#listeners.delete(listener)) this.#notify(listener);
      });
    return () => void this.#listeners.delete(listener);
  }

  /** One subscriber's failure must not keep the next one from hiding what it holds. */
  #notify(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#log.error('hiding dumps at lockdown failed', { error });
    }
  }
}
