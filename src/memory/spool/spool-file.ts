import { randomUUID } from 'node:crypto';
import { closeSync, constants, openSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { BLOCK_BYTES } from '../arena.js';
import { BitSet } from './bit-set.js';

// include/uapi/asm-generic/fcntl.h; Node has no name for it. A file without a name: nothing is left after a crash.
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** What open(2) says where the file system (NFS, older overlayfs) cannot make files without a name. */
const NO_TMPFILE = new Set(['EOPNOTSUPP', 'EISDIR', 'EINVAL']);

/** Dumps take room in a file by so many blocks, 4 MiB: what is not written of them takes none on disk. */
export const EXTENT_BLOCKS = 64;

/** Enough for each dump of a machine to have one of its own, whose room returns to the file system with the dump. */
const MOST_FILES = 32;

/** The spool leaves most of the process's descriptors to others. */
const SHARE_OF_DESCRIPTORS = 1 / 8;

/** One file on disk: of one dump or, where there are more dumps than descriptors, of several. */
export class SpoolFile {
  readonly fd: number;
  /** How many dumps have blocks here. */
  dumps = 0;
  readonly #free: number[] = [];
  readonly #written = new BitSet();
  #extents = 0;
  #diskBytes = 0;

  /** @throws Error when no file can be made in the directory */
  constructor(directory: string) {
    this.fd = openUnnamed(directory);
  }

  /** What it takes on disk. Room that a dump gives back stays taken until the file is closed, for other dumps. */
  get diskBytes(): number {
    return this.#diskBytes;
  }

  /** @returns number of an extent that no dump has */
  takeExtent(): number {
    return this.#free.pop() ?? this.#extents++;
  }

  giveBack(extents: Iterable<number>): void {
    this.#free.push(...extents);
  }

  /** True where a block takes no more room on disk when it is written. @param at counted in blocks */
  isWritten(at: number): boolean {
    return this.#written.has(at);
  }

  noteWritten(at: number): void {
    if (this.isWritten(at)) return;
    this.#written.add(at);
    this.#diskBytes += BLOCK_BYTES;
  }
}

/** @throws Error no file of the spool can be made there */
export function trySpoolDirectory(directory: string): void {
  closeSync(openUnnamed(directory));
}

/** How many files the spool may have open. */
export function mostSpoolFiles(limits = readFileSync('/proc/self/limits', 'utf8')): number {
  // "unlimited" is no number.
  const limit = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  return Math.max(1, Math.min(MOST_FILES, Math.floor(limit * SHARE_OF_DESCRIPTORS)));
}

function openUnnamed(directory: string): number {
  try {
    return openSync(directory, constants.O_RDWR | O_TMPFILE, 0o600);
  } catch (error) {
    if (!NO_TMPFILE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    const path = join(directory, `spool-${randomUUID()}`);
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    unlinkSync(path);
    return fd;
  }
}
