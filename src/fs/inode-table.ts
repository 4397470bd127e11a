import { Listeners } from '../base/listeners.js';
import type { Dump } from '../dump/index.js';
import { ROOT_INO } from './api.js';
import { ToldSizes } from './told-sizes.js';

/** One inode that the kernel may know. */
export interface Inode {
  readonly ino: number;
  readonly dump: Dump;
  /** Lookups that the kernel has not given back. */
  lookups: number;
  readonly handles: Set<Handle>;
  /** Requests that wait for firmware's word on the size. */
  confirming: number;
  readonly told: ToldSizes;
}

/** An open file. */
export interface Handle {
  readonly fh: number;
  readonly inode: Inode;
  /** The size that this reader was told; undefined: none yet. */
  knownSize: number | undefined;
}

/** What another process needs to know of an open file. */
export interface HandedHandle {
  readonly fh: number;
  readonly ino: number;
  readonly knownSize: number | undefined;
}

export interface HandleEvent {
  readonly kind: 'opened' | 'closed';
  readonly handle: Handle;
}

/** Inode number of a dump: unique per incarnation, never reused while the process runs. */
export function inoOf(dump: Dump): number {
  return inoOfSerial(dump.serial);
}

/** The same for a dump of another process. */
export function inoOfSerial(serial: number): number {
  return ROOT_INO + serial;
}

/** Inodes that the kernel holds references to, and open files. Listed dumps nobody asked about cost nothing here. */
export class InodeTable {
  readonly #inodes = new Map<number, Inode>();
  readonly #handles = new Map<number, Handle>();
  readonly events = new Listeners<HandleEvent>();
  #lastFh = 0;

  /**
   * A dump of the process that served the mount before. How many lookups the kernel has not given back since, nobody knows:
   * the inode stays.
   */
  inherit(dump: Dump): void {
    const inode = this.lookUp(dump);
    inode.lookups = Infinity;
    // The kernel may have been told of its size a moment ago.
    inode.told.tell(dump.likelyBytes ?? 0, 0);
  }

  /** A file that was opened there. */
  inheritHandle({ fh, ino, knownSize }: HandedHandle): void {
    this.#lastFh = Math.max(this.#lastFh, fh);
    const inode = this.#inodes.get(ino);
    if (inode !== undefined) this.#add({ fh, inode, knownSize });
  }

  /** All open files. */
  handOver(): readonly HandedHandle[] {
    return [...this.#handles.values()].map(handedHandle);
  }

  get(ino: number): Inode | undefined {
    return this.#inodes.get(ino);
  }

  /** The inode of a dump, with one lookup more. */
  lookUp(dump: Dump): Inode {
    const ino = inoOf(dump);
    const inode = this.#inodes.get(ino) ?? {
      ino,
      dump,
      lookups: 0,
      handles: new Set(),
      confirming: 0,
      told: new ToldSizes(),
    };
    inode.lookups += 1;
    this.#inodes.set(ino, inode);
    return inode;
  }

  forget(ino: number, count: number): void {
    const inode = this.#inodes.get(ino);
    if (inode === undefined) return;
    inode.lookups = Math.max(0, inode.lookups - count);
    this.#dropUnused(inode);
  }

  open(inode: Inode): Handle {
    const handle: Handle = { fh: ++this.#lastFh, inode, knownSize: inode.dump.size?.bytes };
    this.#add(handle);
    this.events.emit({ kind: 'opened', handle });
    return handle;
  }

  #add(handle: Handle): void {
    this.#handles.set(handle.fh, handle);
    handle.inode.handles.add(handle);
    handle.inode.dump.addHandle();
  }

  handle(fh: number): Handle | undefined {
    return this.#handles.get(fh);
  }

  close(handle: Handle): void {
    this.#handles.delete(handle.fh);
    handle.inode.handles.delete(handle);
    handle.inode.dump.dropHandle();
    this.#dropUnused(handle.inode);
    this.events.emit({ kind: 'closed', handle });
  }

  /** Numbers of all inodes that the kernel may know, by whether a file of theirs is open. */
  numbers(): { readonly open: readonly number[]; readonly others: readonly number[] } {
    const [open, others]: [number[], number[]] = [[], []];
    for (const { ino, handles } of this.#inodes.values()) (handles.size > 0 ? open : others).push(ino);
    return { open, others };
  }

  /** Inodes the kernel may still hold and files that are open: both return to zero when everybody has left. */
  get counts(): { readonly inodes: number; readonly handles: number } {
    return { inodes: this.#inodes.size, handles: this.#handles.size };
  }

  #dropUnused(inode: Inode): void {
    if (inode.lookups === 0 && inode.handles.size === 0) this.#inodes.delete(inode.ino);
  }
}

export function handedHandle({ fh, inode, knownSize }: Handle): HandedHandle {
  return { fh, ino: inode.ino, knownSize };
}
