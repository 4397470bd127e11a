import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import type { FileIdentity } from './dump-facts.js';

/** `gone`: the file is not there, or is another one by now. `failed`: it is there, but the platform cannot read it. */
export type FileOutcome = 'ok' | 'gone' | 'failed';

const INVALIDATED_SUFFIX = '.invalidated';

/** A dump whose bytes are a file's, read in place. */
export class FileContent implements Disposable {
  readonly size: number;
  readonly #identity: FileIdentity;
  #fd: number | undefined;

  constructor(identity: FileIdentity) {
    this.#identity = identity;
    this.size = identity.size;
  }

  /** Looks afresh whether the file is still the dump that was announced. */
  begin(): FileOutcome {
    this[Symbol.dispose]();
    try {
      this.#fd = openSync(this.#identity.path, 'r');
      return this.#isSame(fstatSync(this.#fd)) ? 'ok' : 'gone';
    } catch (thrown) {
      return outcomeOf(thrown);
    }
  }

  /** Places `length` bytes from `offset` on at the start of `into`. */
  read(offset: number, into: Uint8Array, length: number): FileOutcome {
    const opened = this.#fd === undefined ? this.begin() : 'ok';
    if (opened !== 'ok' || this.#fd === undefined) return opened;
    try {
      for (let done = 0; done < length;) {
        const got = readSync(this.#fd, into, done, length - done, offset + done);
        if (got === 0) return 'failed';
        done += got;
      }
      return 'ok';
    } catch (thrown) {
      return outcomeOf(thrown);
    }
  }

  /** Takes the dump out of the directory and leaves its bytes beside it. */
  invalidate(): FileOutcome {
    try {
      if (!this.#isSame(statSync(this.#identity.path))) return 'gone';
      renameSync(this.#identity.path, this.#identity.path + INVALIDATED_SUFFIX);
      return 'ok';
    } catch (thrown) {
      return outcomeOf(thrown);
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #isSame({ ino, size, mtimeMs }: Stats): boolean {
    const known = this.#identity;
    return ino === known.ino && size === known.size && mtimeMs === known.mtimeMs;
  }
}

/** What else the disk says (EACCES, EIO) is a hardware error of the platform: its status tells of it. */
function outcomeOf(thrown: unknown): FileOutcome {
  const { code } = thrown as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR' ? 'gone' : 'failed';
}
