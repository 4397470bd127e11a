import type { ValueParser } from './values.js';

/** Commands with options of their own. */
export type Verb = 'mount' | 'umount' | 'list' | 'info' | 'save' | 'watch' | 'doctor';

interface Described {
  /** Commands that take the option. */
  readonly verbs: readonly Verb[];
  /** Heading in `--help`. */
  readonly group: string;
  /** One line for `--help`; the default is added to it. */
  readonly summary: string;
  readonly short?: string;
  /** True: names a path that the daemon uses while it serves, so its own mount must not hide it. */
  readonly usedWhileServing?: true;
  /** True: makes no sense in a file system table. */
  readonly argvOnly?: true;
}

/** Present or absent. */
export interface Flag extends Described {
  readonly kind: 'flag';
}

/** Always has a value: `default`, which is parsed like a user's. */
export interface Valued<T> extends Described {
  readonly kind: 'value';
  readonly metavar: string;
  readonly default: string;
  readonly parse: ValueParser<T>;
}

/** Has a value only where the user gives one. */
export interface Optional<T> extends Described {
  readonly kind: 'optional';
  readonly metavar: string;
  readonly parse: ValueParser<T>;
}

/** May be given again and again. */
export interface Repeated<T> extends Described {
  readonly kind: 'repeated';
  readonly metavar: string;
  readonly parse: ValueParser<T>;
}

export type AnyOption = Flag | Valued<unknown> | Optional<unknown> | Repeated<unknown>;

/** What parsing leaves of an option. */
export type SettingOf<O> = O extends { kind: 'flag' }
  ? boolean
  : O extends Valued<infer T>
    ? T
    : O extends Optional<infer T>
      ? T | undefined
      : O extends Repeated<infer T>
        ? readonly T[]
        : never;

/** `cacheSize` is written `--cache-size`. */
export function longName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
