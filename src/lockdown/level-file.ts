import { closeSync, constants, fstatSync, openSync, readSync, statSync, statfsSync } from 'node:fs';
import type { Stats } from 'node:fs';
import type { LockdownLevel } from './level.js';
import { parseLockdownLevel } from './level.js';

/** Far longer than the three words with brackets: a longer text is no lockdown file. */
const MAX_TEXT_BYTES = 256;

/** SECURITYFS_MAGIC of linux/magic.h, as statfs(2) reports it. */
export const SECURITYFS_MAGIC = 0x73636673;

export type LevelReading =
  | { readonly kind: 'level'; readonly level: LockdownLevel }
  /** Nothing at that path. */
  | { readonly kind: 'absent' }
  /** Something is there and does not say a level, or does not answer. Never tells what is in it. */
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** This process, or the system, had nothing left to look with. That says nothing of the file. */
  | { readonly kind: 'blind'; readonly reason: string };

/** Too many open files, here or on the whole machine; no memory. */
const NOTHING_LEFT = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** What a path led to when it was looked at last, kept open. */
export interface HeldFile {
  readonly fd: number;
  /** What statfs(2) says of the place where it lies. */
  readonly filesystemType: number;
  readonly dev: number;
  readonly ino: number;
}

/**
 * The file that says the level. All of this may wait for ever where the path leads to a file system that hangs, so it is
 * done by a thread of its own.
 */
export class LevelFile implements Disposable {
  readonly #path: string;
  readonly #reader = new LevelReader();
  #held: HeldFile | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  get held(): HeldFile | undefined {
    return this.#held;
  }

  /** Looks where the path leads now, and reads what is there. Never throws. */
  read(): LevelReading {
    try {
      return this.#reader.read(this.#follow().fd);
    } catch (error) {
      this[Symbol.dispose]();
      return failedReading(error);
    }
  }

  [Symbol.dispose](): void {
    if (this.#held !== undefined) closeSync(this.#held.fd);
    this.#held = undefined;
  }

  /** A file (a copy, a bind mount, a test's) can be renamed over, and something can be mounted on it. */
  #follow(): HeldFile {
    const there = statSync(this.#path);
    if (this.#held !== undefined && isSame(this.#held, there)) return this.#held;
    this[Symbol.dispose]();
    // A FIFO would wait for a writer, and of a device the opening alone may do something.
    assertRegular(there);
    const fd = openSync(this.#path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      const file = fstatSync(fd);
      assertRegular(file);
      this.#held = { fd, filesystemType: typeOfFilesystem(this.#path), dev: file.dev, ino: file.ino };
      return this.#held;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }
}

/** Reads the level from an open file. securityfs computes the text anew for every read at offset 0. */
export class LevelReader {
  readonly #buffer = Buffer.alloc(MAX_TEXT_BYTES + 1);
  #last: { readonly text: string; readonly reading: LevelReading } | undefined;

  /** One pread(2). The same text is not parsed twice: this may run once for each page that a reader gets. */
  read(fd: number): LevelReading {
    const bytes = readSync(fd, this.#buffer, 0, this.#buffer.length, 0);
    const text = this.#buffer.toString('latin1', 0, bytes);
    if (this.#last?.text === text) return this.#last.reading;
    const level = bytes > MAX_TEXT_BYTES ? undefined : parseLockdownLevel(text);
    const reading: LevelReading =
      level === undefined ? unreadable('it says no lockdown level') : { kind: 'level', level };
    this.#last = { text, reading };
    return reading;
  }
}

export function unreadable(reason: string): LevelReading {
  return { kind: 'unreadable', reason };
}

export function failedReading(error: unknown): LevelReading {
  if (error instanceof NotRegular) return unreadable('it is not a regular file');
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'absent' };
  const reason = `it cannot be read (${code ?? String(error)})`;
  return NOTHING_LEFT.has(code ?? '') ? { kind: 'blind', reason } : unreadable(reason);
}

type Identity = Pick<Stats, 'dev' | 'ino'>;

export function isSame(held: Identity, there: Identity): boolean {
  return held.dev === there.dev && held.ino === there.ino;
}

class NotRegular extends Error {}

function assertRegular(file: Stats): void {
  if (!file.isFile()) throw new NotRegular();
}

function typeOfFilesystem(path: string): number {
  return statfsSync(path).type;
}
