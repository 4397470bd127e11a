import type { Logger } from '../base/log.js';
import type { ExplainedGate } from './gate.js';
import { LockdownLatch } from './latch.js';
import type { LockdownLevel } from './level.js';
import { hidesDumps } from './level.js';
import type { LevelFile, LevelReading } from './level-file.js';

export interface WatchOptions {
  readonly file: LevelFile;
  /** What a missing file means until one was seen. */
  readonly absentIsOpen: boolean;
  /** Time between two looks at the file while nobody asks, in milliseconds. */
  readonly watchIntervalMs: number;
  readonly log: Logger;
}

/** Looks at the lockdown file at every question, and now and then in between. */
export class WatchedGate implements ExplainedGate {
  readonly #file: LevelFile;
  readonly #latch: LockdownLatch;
  readonly #timer: NodeJS.Timeout;
  #level: LockdownLevel | undefined;
  /** Opening a path that does not exist at every page read is waste: then only the watch looks. */
  #absentIsOpen: boolean;

  constructor({ file, absentIsOpen, watchIntervalMs, log }: WatchOptions) {
    this.#file = file;
    this.#absentIsOpen = absentIsOpen;
    this.#latch = new LockdownLatch(log);
    this.#timer = setInterval(() => this.#watch(), watchIntervalMs);
    // The watch alone is no reason to keep a process alive.
    this.#timer.unref();
    this.#check();
  }

  locked(): boolean {
    if (!this.#latch.closed && !this.#absentIsOpen) this.#check();
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

  #watch(): void {
    this.#file.refresh();
    this.#check();
  }

  #check(): void {
    const reading = this.#file.read();
    if (reading.kind === 'absent' && this.#absentIsOpen) return;
    this.#absentIsOpen = false;
    this.#level = reading.kind === 'level' ? reading.level : undefined;
    if (!locks(reading)) return;
    this[Symbol.dispose]();
    this.#latch.close(reasonFor(reading, this.#file.path));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#file[Symbol.dispose]();
  }
}

function locks(reading: LevelReading): boolean {
  return hidesDumps(reading.kind === 'level' ? reading.level : undefined);
}

function reasonFor(reading: LevelReading, path: string): string {
  if (reading.kind === 'level') return `kernel lockdown is at ${reading.level}`;
  return reading.kind === 'absent' ? `${path} has disappeared` : `${path}: ${reading.reason}`;
}
