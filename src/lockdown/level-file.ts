import { closeSync, fstatSync, openSync, readSync, statfsSync, statSync } from 'node:fs';
import type { LockdownLevel } from './level.js';
import { parseLockdownLevel } from './level.js';

/** Far longer than the three words with brackets: a longer text is no lockdown file. */
const MAX_TEXT_BYTES = 256;

/** SECURITYFS_MAGIC of linux/magic.h, as statfs(2) reports it. */
const SECURITYFS_MAGIC = 0x73636673;

export type LevelReading =
  | { readonly kind: 'level'; readonly level: LockdownLevel }
  /** Nothing at that path. */
  | { readonly kind: 'absent' }
  /** Something is there and does not say a level. */
  | { readonly kind: 'unreadable'; readonly reason: string };

/** The lockdown file, kept open: securityfs computes its text anew for every read at offset 0. */
export class LevelFile implements Disposable {
  readonly path: string;
  readonly #buffer = Buffer.alloc(MAX_TEXT_BYTES + 1);
  #fd: number | undefined;
  /** A plain file (a bind mount of a copy, a test) can be renamed over; the kernel's own cannot. */
  #replaceable = true;
  #last: { readonly text: string; readonly reading: LevelReading } | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** One pread(2) in a securityfs. Never throws. */
  read(): LevelReading {
    try {
      if (this.#fd !== undefined && this.#replaceable && fstatSync(this.#fd).nlink === 0) this.#close();
      const fd = this.#fd ?? this.#open();
      return this.#interpret(readSync(fd, this.#buffer, 0, this.#buffer.length, 0));
    } catch (error) {
      this.#close();
      return failedReading(error);
    }
  }

  /** Lets go of the open file when the path leads elsewhere by now; the next `read` opens what is there. */
  refresh(): void {
    if (this.#fd === undefined) return;
    try {
      const held = fstatSync(this.#fd);
      const there = statSync(this.path);
      if (held.dev === there.dev && held.ino === there.ino) return;
    } catch {
      // Gone or out of reach: opening it again tells which.
    }
    this.#close();
  }

  #open(): number {
    this.#fd = openSync(this.path, 'r');
    this.#replaceable = statfsSync(this.path).type !== SECURITYFS_MAGIC;
    return this.#fd;
  }

  /** This runs once per page that a reader gets: the same text is not parsed twice. */
  #interpret(bytes: number): LevelReading {
    const text = this.#buffer.toString('latin1', 0, bytes);
    if (this.#last?.text === text) return this.#last.reading;
    const level = bytes > MAX_TEXT_BYTES ? undefined : parseLockdownLevel(text);
    const reading: LevelReading = level === undefined ? notALevel(text) : { kind: 'level', level };
    this.#last = { text, reading };
    return reading;
  }

  #close(): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}

function notALevel(text: string): LevelReading {
  return {
    kind: 'unreadable',
    reason: `it says ${JSON.stringify(text.slice(0, 60))}, which is no lockdown level`,
  };
}

function failedReading(error: unknown): LevelReading {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'absent' };
  return { kind: 'unreadable', reason: `it cannot be read (${code ?? String(error)})` };
}
