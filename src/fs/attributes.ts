import { constants } from 'node:fs';
import type { Dump } from '../dump/index.js';
import { inoOf } from './inode-table.js';
import type { Attributes, Entry } from './api.js';
import { ROOT_INO } from './api.js';

/** Who owns what the mount shows. */
export interface Ownership {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits to leave out, as umask(2). */
  readonly umask: number;
}

/** How long the kernel may believe what cannot change but by a notification. */
const VALID_MS = 1000;

/**
 * Stands in for a size that nobody knows yet, only in answers that the kernel must not show (`validMs` 0). Too large
 * rather than 0: a reader that skips stat(2) must not take the dump for empty.
 */
export const UNKNOWN_SIZE = 2 ** 60;

export function rootAttributes(owner: Ownership, mountedAtMs: number): Attributes {
  return {
    ino: ROOT_INO,
    mode: constants.S_IFDIR | (0o777 & ~owner.umask),
    nlink: 2,
    uid: owner.uid,
    gid: owner.gid,
    size: 0,
    mtimeMs: mountedAtMs,
    validMs: VALID_MS,
  };
}

export function dumpAttributes(dump: Dump, owner: Ownership): Attributes {
  const { size } = dump;
  return {
    ino: inoOf(dump),
    mode: constants.S_IFREG | (0o444 & ~owner.umask),
    nlink: 1,
    uid: owner.uid,
    gid: owner.gid,
    size: size?.bytes ?? UNKNOWN_SIZE,
    mtimeMs: dump.announcedAtMs,
    // A size that firmware may still correct is asked for anew each time.
    validMs: size?.exact === true ? VALID_MS : 0,
  };
}

export function dumpEntry(dump: Dump, owner: Ownership, generation: number): Entry {
  return { attributes: dumpAttributes(dump, owner), generation, validMs: VALID_MS };
}
