import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { LockdownLevel } from './level.js';
import { parseLockdownLevel } from './level.js';

/** Far longer than the three words with brackets: a longer text is no lockdown file. */
const MAX_TEXT_BYTES = 256;

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

  constructor(path: string) {
    this.path = path;
  }

  /** One fstat(2) and one pread(2), or an open(2) where the file was replaced. Never throws. */
  read(): LevelReading {
    try {
      // A plain file (a bind mount, a test) that was renamed over or removed says nothing about now.
      if (this.#fd !== undefined && fstatSync(this.#fd).nlink === 0) this.#close();
      this.#fd ??= openSync(this.path, 'r');
      return this.#parse(readSync(this.#fd, this.#buffer, 0, this.#buffer.length, 0));
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

  #parse(bytes: number): LevelReading {
    const text = this.#buffer.toString('latin1', 0, bytes);
    const level = bytes > MAX_TEXT_BYTES ? undefined : parseLockdownLevel(text);
    if (level !== undefined) return { kind: 'level', level };
    return {
      kind: 'unreadable',
      reason: `it says ${JSON.stringify(text.slice(0, 60))}, which is no lockdown level`,
    };
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

function failedReading(error: unknown): LevelReading {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'absent' };
  return { kind: 'unreadable', reason: `it cannot be read (${code ?? String(error)})` };
}
