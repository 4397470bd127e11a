import { randomUUID } from 'node:crypto';
import { constants, openSync, statfsSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Logger } from '../../base/log.js';
import { formatSize } from '../../base/size.js';
import { threadEntry } from '../../base/thread-entry.js';
import { BLOCK_BYTES } from '../arena.js';
import type { Block } from '../block-cache.js';
import { BitSet } from './bit-set.js';
import { SpoolKey } from './spool-key.js';
import type { SpoolAnswer, SpoolCommand, SpoolMove, SpoolThreadData } from './spool-protocol.js';

export interface SpoolOptions {
  /** Private directory on a file system with room. */
  readonly directory: string;
  /** Most bytes that all files together may take. */
  readonly quotaBytes: number;
  readonly slabs: readonly SharedArrayBuffer[];
  /** Blocks that may be on their way at once: each keeps a slot of the arena. */
  readonly mostBacklog: number;
  readonly log: Logger;
}

// include/uapi/asm-generic/fcntl.h; Node has no name for it. A file without a name: nothing is left after a crash.
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** What open(2) says where the file system (NFS, older overlayfs) cannot make files without a name. */
const NO_TMPFILE = new Set(['EOPNOTSUPP', 'EISDIR', 'EINVAL']);

/** Free space that the spool never touches. */
const RESERVE_BYTES = 256 * 1024 * 1024;
const LOOK_AT_FREE_SPACE_EVERY_BYTES = 32 * 1024 * 1024;

/**
 * Encrypted copies of dumps on disk, so that nothing has to be asked of firmware twice. Only ever a convenience: when
 * it is full or fails, dumps are served without it.
 */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #worker: Worker;
  readonly #exited: Promise<unknown>;
  readonly #pending = new Map<number, (error: string | undefined) => void>();
  readonly #waiting = new Set<() => void>();
  /** Commands that leave together, at the end of the present turn: a message costs as much as half a block. */
  #outbox: SpoolCommand[] = [];
  #lastId = 0;
  #usedBytes = 0;
  #lookAtFreeSpaceAtBytes = 0;
  #full = false;

  /** @throws Error when no file can be made in the directory */
  constructor(options: SpoolOptions) {
    this.#options = options;
    const workerData: SpoolThreadData = { slabs: options.slabs };
    const probe = this.#openFile();
    this.#worker = new Worker(threadEntry('dump/spool/spool-thread.js'), {
      workerData,
      // Files are opened here and closed there, which Node would warn of.
      trackUnmanagedFds: false,
      // It allocates next to nothing; without a limit V8 lets garbage pile up.
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 },
    });
    this.#exited = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#worker.unref();
    this.#worker.on('message', (answers: readonly SpoolAnswer[]) => {
      for (const { id, error } of answers) this.#settle(id, error);
    });
    this.#worker.on('error', (error) => {
      this.#fail(`spool thread died: ${error.message}`);
    });
    this.#send({ op: 'close', fd: probe });
  }

  /** True when as many blocks are on their way as may be; `onRoom` is called once when there are fewer. */
  isBehind(onRoom: () => void): boolean {
    if (this.#pending.size < this.#options.mostBacklog) return false;
    this.#waiting.add(onRoom);
    return true;
  }

  /** Nothing more can be taken now. */
  get isFull(): boolean {
    return this.#full;
  }

  /** A place for one dump's bytes; undefined when the spool does not work any more. */
  create(): SpoolFile | undefined {
    if (this.#full) return undefined;
    try {
      return new SpoolFile(this.#openFile(), this);
    } catch (error) {
      this.#fail(`cannot create a spool file: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  /** Reserves room for a block. False: full; what is there stays usable. */
  reserve(): boolean {
    if (this.#full) return false;
    if (this.#usedBytes + BLOCK_BYTES > this.#options.quotaBytes) return this.#becomeFull('quota is used up');
    if (this.#usedBytes >= this.#lookAtFreeSpaceAtBytes && !this.#hasFreeSpace())
      return this.#becomeFull('file system is nearly full');
    this.#usedBytes += BLOCK_BYTES;
    return true;
  }

  giveBack(bytes: number): void {
    this.#usedBytes -= bytes;
    this.#lookAtFreeSpaceAtBytes = 0;
    this.#full = false;
  }

  /** @param key of all that is going to be moved */
  open(fd: number, key: SpoolKey): void {
    this.#send({ op: 'open', fd, key: key.buffer });
  }

  run(command: Omit<SpoolMove, 'id'>): Promise<void> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, (error) => {
        if (error === undefined) resolve();
        else reject(new Error(error));
      });
      this.#send({ ...command, id });
    });
  }

  /** In order with what was asked for before. */
  close(fd: number): void {
    this.#send({ op: 'close', fd });
  }

  warn(message: string): void {
    this.#options.log.warn(message, { directory: this.#options.directory });
  }

  /** The thread ends by itself: to end one that loads a native module just then would end the whole process (SIGABRT). */
  async end(): Promise<void> {
    this.#worker.ref();
    this.#send({ op: 'end' });
    await this.#exited;
    for (const id of [...this.#pending.keys()]) this.#settle(id, 'the spool is closed');
  }

  #send(command: SpoolCommand): void {
    if (this.#outbox.push(command) > 1) return;
    queueMicrotask(() => {
      this.#worker.postMessage(this.#outbox);
      this.#outbox = [];
    });
  }

  #settle(id: number, error: string | undefined): void {
    const settle = this.#pending.get(id);
    this.#pending.delete(id);
    settle?.(error);
    if (this.#pending.size >= this.#options.mostBacklog || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const onRoom of waiting) onRoom();
  }

  #openFile(): number {
    const { directory } = this.#options;
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

  #hasFreeSpace(): boolean {
    const { bavail, bsize } = statfsSync(this.#options.directory);
    this.#lookAtFreeSpaceAtBytes = this.#usedBytes + LOOK_AT_FREE_SPACE_EVERY_BYTES;
    return bavail * bsize > RESERVE_BYTES + LOOK_AT_FREE_SPACE_EVERY_BYTES;
  }

  #becomeFull(why: string): false {
    this.#full = true;
    this.warn(`spool takes no more, going on without: ${why} at ${formatSize(this.#usedBytes)}`);
    return false;
  }

  #fail(why: string): void {
    this.#full = true;
    this.warn(`spool failed, going on without: ${why}`);
    for (const id of [...this.#pending.keys()]) this.#settle(id, why);
  }
}

/** What is on disk of one dump. */
export class SpoolFile {
  readonly #fd: number;
  readonly #spool: Spool;
  readonly #key = new SpoolKey();
  readonly #stored = new BitSet();
  #usedBytes = 0;
  #closed = false;
  #broken = false;

  constructor(fd: number, spool: Spool) {
    this.#fd = fd;
    this.#spool = spool;
    spool.open(fd, this.#key);
  }

  has(index: number): boolean {
    return !this.#closed && this.#stored.has(index);
  }

  /** True while it makes sense to hand blocks over. */
  takes(): boolean {
    return !this.#closed && !this.#broken;
  }

  /** Writes a block that the caller has pinned. Settles when the slot is not needed any more; never rejects. */
  async store(block: Block): Promise<void> {
    if (!this.takes() || this.has(block.index) || !this.#spool.reserve()) return;
    this.#usedBytes += BLOCK_BYTES;
    try {
      await this.#move('store', block, block.filled);
      this.#stored.add(block.index);
    } catch (error) {
      if (this.takes()) this.#spool.warn(`cannot write to the spool, going on without: ${String(error)}`);
      this.#broken = true;
    }
  }

  /** Reads `length` bytes of a block into the slot that the caller has pinned. False: it has to come from firmware. */
  async load(block: Block, length: number): Promise<boolean> {
    try {
      await this.#move('load', block, length);
      return !this.#closed;
    } catch (error) {
      if (!this.#closed) this.#spool.warn(`cannot read the spool, asking firmware again: ${String(error)}`);
      this.#stored.delete(block.index);
      return false;
    }
  }

  /** Overwrites the key: nothing that the disk may keep can be read any more. */
  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#key.overwrite();
    // The last close frees what a file without a name has on disk. For gigabytes that takes a second: not here.
    this.#spool.close(this.#fd);
    this.#spool.giveBack(this.#usedBytes);
  }

  #move(op: 'store' | 'load', block: Block, length: number): Promise<void> {
    const offset = block.index * BLOCK_BYTES;
    return this.#spool.run({ op, fd: this.#fd, slot: block.slot, offset, length });
  }
}
