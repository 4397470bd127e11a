import type { Logger } from '../base/log.js';
import type { ExplainedGate } from './gate.js';
import type { LockdownLevel } from './level.js';
import type { LevelReading } from './level-file.js';
import type { LevelWatch } from './level-watch.js';
import { allowedAt } from './policy.js';

export interface LevelGateOptions {
  readonly watch: Pick<LevelWatch, 'look' | 'onReading' | typeof Symbol.asyncDispose>;
  readonly path: string;
  /** What a missing file means until one was seen. */
  readonly absentIsOpen: boolean;
  readonly log: Logger;
}

/**
 * Closes for good at the first reading that does not allow dumps. While nobody can look, it is closed as well, but what it
 * hides is kept: the level may be what it was.
 */
export class LevelGate implements ExplainedGate {
  readonly #watch: LevelGateOptions['watch'];
  readonly #path: string;
  readonly #log: Logger;
  #level: LockdownLevel | undefined;
  /** Looking for a path that does not exist at every page read is waste: then only the watch does. */
  #absentIsOpen: boolean;
  /** Why it has closed for good. */
  #reason: string | undefined;
  /** Why it is closed until the next look. */
  #blindness: string | undefined;
  #hide: () => void = () => undefined;

  constructor({ watch, path, absentIsOpen, log }: LevelGateOptions) {
    this.#watch = watch;
    this.#path = path;
    this.#log = log;
    this.#absentIsOpen = absentIsOpen;
    watch.onReading = (reading) => this.#apply(reading);
    watch.look();
  }

  locked(): boolean {
    if (this.#reason !== undefined) return true;
    if (!this.#absentIsOpen || this.#blindness !== undefined) this.#watch.look();
    return this.reason !== undefined;
  }

  get level(): LockdownLevel | undefined {
    return this.#level;
  }

  get reason(): string | undefined {
    return this.#reason ?? this.#blindness;
  }

  onRise(hide: () => void): void {
    this.#hide = hide;
    if (this.#reason !== undefined) hide();
  }

  #apply(reading: LevelReading): void {
    if (this.#reason !== undefined) return;
    this.#setBlindness(reading.kind === 'blind' ? reasonFor(reading, this.#path) : undefined);
    if (reading.kind === 'blind' || (reading.kind === 'absent' && this.#absentIsOpen)) return;
    this.#absentIsOpen = false;
    this.#level = reading.kind === 'level' ? reading.level : undefined;
    if (allowedAt(this.#level).dumps) return;
    this.#reason = reasonFor(reading, this.#path);
    void this[Symbol.asyncDispose]();
    this.#hide();
  }

  #setBlindness(reason: string | undefined): void {
    if (reason === this.#blindness) return;
    this.#blindness = reason;
    if (reason === undefined) this.#log.info('the lockdown level can be looked at again');
    else this.#log.warn('the lockdown level cannot be looked at: dumps are hidden until it can', { reason });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#watch[Symbol.asyncDispose]();
  }
}

function reasonFor(reading: LevelReading, path: string): string {
  if (reading.kind === 'level') return `kernel lockdown is at ${reading.level}`;
  return reading.kind === 'absent' ? `${path} has disappeared` : `${path}: ${reading.reason}`;
}
