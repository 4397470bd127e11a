import type { OptionForm } from '../../base/option-form.js';

/** Commands with options of their own. */
export type Verb = 'mount' | 'umount' | 'list' | 'info' | 'save' | 'watch' | 'metrics' | 'doctor';

interface Placed {
  /** Commands that take the option. */
  readonly verbs: readonly Verb[];
  readonly short?: string;
  /** True: makes no sense in a file system table. */
  readonly argvOnly?: true;
  /** True: says where dumps come from. With one of these, `list` asks the source and no running daemon. */
  readonly asksSource?: true;
}

export type AnyOption = OptionForm & Placed;

/** `cacheSize` is written `--cache-size`. */
export function longName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
