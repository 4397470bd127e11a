import { FsError } from '../base/errno.js';
import { tagName } from '../base/tag.js';
import type { Dump } from '../dump/index.js';
import { inoOf } from './inode-table.js';
import type { DirectoryEntry } from './operations.js';
import { ROOT_INO } from './operations.js';

const DOTS: readonly DirectoryEntry[] = [
  { name: '.', ino: ROOT_INO, isDirectory: true, nextOffset: 1 },
  { name: '..', ino: ROOT_INO, isDirectory: true, nextOffset: 2 },
];

/** Open listings. Each shows the dumps of the moment in which it was read from its beginning. */
export class DirectoryTable {
  readonly #dumps: () => Iterable<Dump>;
  readonly #open = new Map<number, readonly DirectoryEntry[]>();
  /** Dumps of the listing that was read last, for READDIRPLUS. */
  #byIno = new Map<number, Dump>();
  #lastFh = 0;

  constructor(dumps: () => Iterable<Dump>) {
    this.#dumps = dumps;
  }

  open(): number {
    this.#open.set(++this.#lastFh, []);
    return this.#lastFh;
  }

  read(fh: number, offset: number): readonly DirectoryEntry[] {
    if (!this.#open.has(fh)) throw new FsError('EBADF', `no open directory ${fh}`);
    if (offset === 0) this.#open.set(fh, this.#snapshot());
    return this.#open.get(fh)?.slice(offset) ?? [];
  }

  /** The dump behind an inode number of a recent listing. */
  dumpOf(ino: number): Dump | undefined {
    const dump = this.#byIno.get(ino);
    return dump?.lost === undefined ? dump : undefined;
  }

  close(fh: number): void {
    this.#open.delete(fh);
    if (this.#open.size === 0) this.#byIno.clear();
  }

  #snapshot(): readonly DirectoryEntry[] {
    const entries = [...DOTS];
    this.#byIno = new Map();
    for (const dump of this.#dumps()) {
      const ino = inoOf(dump);
      this.#byIno.set(ino, dump);
      entries.push({ name: tagName(dump.tag), ino, isDirectory: false, nextOffset: entries.length + 1 });
    }
    return entries;
  }
}
