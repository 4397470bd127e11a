import type { ValueParser } from './option-values.js';

interface Explained {
  /** Heading in `--help`. */
  readonly group: string;
  /** One line for `--help`; the default is added to it. */
  readonly summary: string;
  /** True: names a path that the daemon uses while it serves, so its own mount must not hide it. */
  readonly usedWhileServing?: true;
}

/** Present or absent. */
export interface Flag extends Explained {
  readonly kind: 'flag';
}

/** Always has a value: `default`, which is parsed like a user's. */
export interface Valued<T> extends Explained {
  readonly kind: 'value';
  readonly metavar: string;
  readonly default: string;
  readonly parse: ValueParser<T>;
}

/** Has a value only where the user gives one. */
export interface Optional<T> extends Explained {
  readonly kind: 'optional';
  readonly metavar: string;
  readonly parse: ValueParser<T>;
}

/** May be given again and again. */
export interface Repeated<T> extends Explained {
  readonly kind: 'repeated';
  readonly metavar: string;
  readonly parse: ValueParser<T>;
}

/** What an option takes, whichever command has it. */
export type OptionForm = Flag | Valued<unknown> | Optional<unknown> | Repeated<unknown>;
export type OptionForms = Readonly<Record<string, OptionForm>>;

/** What parsing leaves of an option. */
type SettingOf<O> = O extends { kind: 'flag' }
  ? boolean
  : O extends Valued<infer T>
    ? T
    : O extends Optional<infer T>
      ? T | undefined
      : O extends Repeated<infer T>
        ? readonly T[]
        : never;

/** Values of all options of a table. */
export type SettingsOf<Options> = { readonly [K in keyof Options]: SettingOf<Options[K]> };
