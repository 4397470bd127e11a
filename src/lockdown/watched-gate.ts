import type { Logger } from '../base/log.js';
import type { ExplainedGate } from './gate.js';
import { LockdownLatch } from './latch.js';
import type { LockdownLevel } from './level.js';
import { hidesDumps } from './level.js';
import type { LevelReading } from './level-file.js';
import type { LevelWatch } from './level-watch.js';

export interface WatchedGateOptions {
  readonly watch: LevelWatch;
  readonly path: string;
  /** What a missing file means until one was seen. */
  readonly absentIsOpen: boolean;
  readonly log: Logger;
}

/** Looks at the lockdown file at every question, and hears of it in between. */
export class WatchedGate implements ExplainedGate {
  readonly #watch: LevelWatch;
  readonly #path: string;
  readonly #latch: LockdownLatch;
  #level: LockdownLevel | undefined;
  /** Looking for a path that does not exist at every page read is waste: then only the watch does. */
  #absentIsOpen: boolean;

  constructor({ watch, path, absentIsOpen, log }: WatchedGateOptions) {
    this.#watch = watch;
    this.#path = path;
    this.#absentIsOpen = absentIsOpen;
    this.#latch = new LockdownLatch(log);
    watch.onReading = (reading) => this.#apply(reading);
    watch.look();
  }

  locked(): boolean {
    if (!this.#latch.closed && !this.#absentIsOpen) this.#watch.look();
    return this.#latch.closed;
  }

  get level(): LockdownLevel | undefined {
    return this.#level;
  }

  get reason(): string | undefined {
    return this.#latch.reason;
  }

  onRise(listener: () => void): () => void {
    return this.#latch.onClose(listener);
  }

  #apply(reading: LevelReading): void {
    if (this.#latch.closed || (reading.kind === 'absent' && this.#absentIsOpen)) return;
    this.#absentIsOpen = false;
    this.#level = reading.kind === 'level' ? reading.level : undefined;
    if (!hidesDumps(this.#level)) return;
    void this[Symbol.asyncDispose]();
    this.#latch.close(reasonFor(reading, this.#path));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#watch[Symbol.asyncDispose]();
  }
}

function reasonFor(reading: LevelReading, path: string): string {
  if (reading.kind === 'level') return `kernel lockdown is at ${reading.level}`;
  return reading.kind === 'absent' ? `${path} has disappeared` : `${path}: ${reading.reason}`;
}
