import type { ExplainedGate } from './gate.js';
import type { LockdownLevel } from './level.js';
import type { LevelReading } from './level-file.js';
import type { LevelWatch } from './level-watch.js';
import { allowedAt } from './policy.js';

export interface LevelGateOptions {
  readonly watch: LevelWatch;
  readonly path: string;
  /** What a missing file means until one was seen. */
  readonly absentIsOpen: boolean;
}

/** Closes for good at the first reading that does not allow dumps. */
export class LevelGate implements ExplainedGate {
  readonly #watch: LevelWatch;
  readonly #path: string;
  #level: LockdownLevel | undefined;
  /** Looking for a path that does not exist at every page read is waste: then only the watch does. */
  #absentIsOpen: boolean;
  /** Undefined: open. */
  #reason: string | undefined;
  #hide: () => void = () => undefined;

  constructor({ watch, path, absentIsOpen }: LevelGateOptions) {
    this.#watch = watch;
    this.#path = path;
    this.#absentIsOpen = absentIsOpen;
    watch.onReading = (reading) => this.#apply(reading);
    watch.look();
  }

  locked(): boolean {
    if (this.#reason === undefined && !this.#absentIsOpen) this.#watch.look();
    return this.#reason !== undefined;
  }

  get level(): LockdownLevel | undefined {
    return this.#level;
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  onRise(hide: () => void): void {
    this.#hide = hide;
    if (this.#reason !== undefined) hide();
  }

  #apply(reading: LevelReading): void {
    if (this.#reason !== undefined || (reading.kind === 'absent' && this.#absentIsOpen)) return;
    this.#absentIsOpen = false;
    this.#level = reading.kind === 'level' ? reading.level : undefined;
    if (allowedAt(this.#level).dumps) return;
    this.#reason = reasonFor(reading, this.#path);
    void this[Symbol.asyncDispose]();
    this.#hide();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#watch[Symbol.asyncDispose]();
  }
}

function reasonFor(reading: LevelReading, path: string): string {
  if (reading.kind === 'level') return `kernel lockdown is at ${reading.level}`;
  return reading.kind === 'absent' ? `${path} has disappeared` : `${path}: ${reading.reason}`;
}
