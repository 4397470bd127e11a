import { usageError } from '../exit-status.js';

/** The name under which mount(8) and systemd look for us: /sbin/mount.TYPE. */
export const MOUNT_HELPER = 'mount.platdumpfs';

/** What mount(8) asks of a helper. @see mount(8), EXTERNAL HELPERS */
export interface HelperCall {
  /** Source, mount point, `-o`: what `platdumpfs mount` takes as well. */
  readonly args: readonly string[];
  /** `-f`: everything but the mount itself. */
  readonly fake: boolean;
  /** `-s`: words of `-o` that nobody knows are passed over. */
  readonly sloppy: boolean;
}

/**
 * Takes out of the arguments what only mount(8) says: `/sbin/mount.TYPE SOURCE DIR [-sfnv] [-o OPTIONS] [-t TYPE]`.
 *
 * `-n` (no /etc/mtab) has no meaning any more; at `-v` mount(8) itself says what it has done.
 */
export function helperCall(given: readonly string[]): HelperCall {
  const args: string[] = [];
  const letters = new Set<string>();
  for (let at = 0; at < given.length; at += 1) {
    const word = given[at] ?? '';
    if (/^-[sfnv]+$/.test(word)) for (const letter of word.slice(1)) letters.add(letter);
    else if (word === '-o' && given[at + 1] !== undefined) args.push(word, given[(at += 1)] ?? '');
    else if (word === '-t') at += 1;
    else if (word === '-N') throw usageError('-N: enter the mount namespace first, with nsenter(1)');
    else args.push(word);
  }
  return { args, fake: letters.has('f'), sloppy: letters.has('s') };
}
