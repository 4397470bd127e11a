import { tagName } from '../base/tag.js';
import type { Dump } from '../dump/index.js';
import { inoOf } from './inode-table.js';
import type { DirectoryEntry } from './api.js';
import { ROOT_INO } from './api.js';

const DOTS: readonly DirectoryEntry[] = [
  { name: '.', ino: ROOT_INO, isDirectory: true, nextOffset: 1 },
  { name: '..', ino: ROOT_INO, isDirectory: true, nextOffset: 2 },
];

/**
 * The root directory as readdir(3) shows it: one snapshot, shared by all who list it, so that open directories cost
 * nothing.
 *
 * The offset behind a dump follows from its inode number, and dumps are listed in the order of these. So an offset stays
 * valid for as long as the process runs, whatever comes and goes and whoever goes on from it: another handle, after
 * seekdir(3), or an NFS server, which keeps no directory open between two requests. Whoever lists the directory while it
 * changes sees each dump that stays exactly once.
 */
export class Listing {
  readonly #dumps: () => Iterable<Dump>;
  /** In the order of their inode numbers; undefined: to be made when it is asked for. */
  #snapshot: readonly Dump[] | undefined;

  constructor(dumps: () => Iterable<Dump>) {
    this.#dumps = dumps;
  }

  /** To be called whenever a dump appears or vanishes. */
  refresh(): void {
    this.#snapshot = undefined;
  }

  /** Entries behind an offset; 0: all. */
  *behind(offset: number): Generator<DirectoryEntry> {
    for (const entry of DOTS) if (entry.nextOffset > offset) yield entry;
    const dumps = this.#current();
    for (let at = this.#position(offset); at < dumps.length; at += 1) {
      const dump = dumps[at];
      if (dump !== undefined) yield entryOf(dump);
    }
  }

  /** The listed dump with an inode number. */
  dumpOf(ino: number): Dump | undefined {
    const dump = this.#current()[this.#position(offsetBehind(ino) - 1)];
    return dump !== undefined && inoOf(dump) === ino ? dump : undefined;
  }

  #current(): readonly Dump[] {
    // A dump that was hidden for a while comes back behind younger ones.
    this.#snapshot ??= [...this.#dumps()].sort((one, other) => inoOf(one) - inoOf(other));
    return this.#snapshot;
  }

  /** Index of the first dump behind an offset. */
  #position(offset: number): number {
    const dumps = this.#current();
    let [low, high] = [0, dumps.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const dump = dumps[middle];
      if (dump !== undefined && offsetBehind(inoOf(dump)) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function entryOf(dump: Dump): DirectoryEntry {
  const ino = inoOf(dump);
  return { name: tagName(dump.tag), ino, isDirectory: false, nextOffset: offsetBehind(ino) };
}

/** Inode numbers of dumps begin behind that of the root: the first offset is the one behind the dots. */
function offsetBehind(ino: number): number {
  return ino + 1;
}
