import { closeSync, statfsSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import type { Logger } from '../../base/log.js';
import { formatSize } from '../../base/size.js';
import { startThread } from '../../base/start-thread.js';
import { BLOCK_BYTES } from '../arena.js';
import { mostSpoolFiles, SpoolFile } from './spool-file.js';
import type { SpoolAnswer, SpoolCommand, SpoolMove, SpoolThreadData } from './spool-protocol.js';
import { SpooledDump } from './spooled-dump.js';

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

/** Free space that the spool never touches. */
const RESERVE_BYTES = 256 * 1024 * 1024;
const LOOK_AT_FREE_SPACE_EVERY_BYTES = 32 * 1024 * 1024;

/** What open(2) says at the limit of this process, and of the machine. */
const NO_DESCRIPTOR = new Set(['EMFILE', 'ENFILE']);

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
  readonly #mostFiles = mostSpoolFiles();
  readonly #files: SpoolFile[];
  #lastId = 0;
  #lastDump = 0;
  #usedBytes = 0;
  #lookAtFreeSpaceAtBytes = 0;
  #full = false;
  /** Why nothing is moved any more. */
  #failure: string | undefined;

  /** @throws Error when no file can be made in the directory, or no thread be started */
  constructor(options: SpoolOptions) {
    this.#options = options;
    const workerData: SpoolThreadData = { slabs: options.slabs };
    this.#files = [new SpoolFile(options.directory)];
    this.#worker = startThread('memory/spool/spool-thread.js', {
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
  }

  /** True when as many blocks are on their way as may be; `onRoom` is called once when there are fewer. */
  isBehind(onRoom: () => void): boolean {
    if (this.#pending.size < this.#options.mostBacklog) return false;
    this.#waiting.add(onRoom);
    return true;
  }

  /** Nothing more can be taken now. */
  get isFull(): boolean {
    return this.#full || this.#failure !== undefined;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get limitBytes(): number {
    return this.#options.quotaBytes;
  }

  /** A place for one dump's bytes; undefined when the spool does not work any more. */
  create(): SpooledDump | undefined {
    if (this.isFull) return undefined;
    try {
      return new SpooledDump(++this.#lastDump, this.#fileForOneMore(), this);
    } catch (error) {
      this.#fail(`cannot create a spool file: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  /** Reserves room for a block. False: full; what is there stays usable. @param at in the file, in blocks */
  reserve(file: SpoolFile, at: number): boolean {
    if (this.#failure !== undefined) return false;
    if (file.isWritten(at)) return true;
    if (this.#full) return false;
    if (this.#usedBytes + BLOCK_BYTES > this.#options.quotaBytes) return this.#becomeFull('quota is used up');
    if (this.#usedBytes >= this.#lookAtFreeSpaceAtBytes && !this.#hasFreeSpace())
      return this.#becomeFull('file system is nearly full');
    file.noteWritten(at);
    this.#usedBytes += BLOCK_BYTES;
    return true;
  }

  /** A dump has given its room back. The file stays for others; the last one takes it along. */
  release(file: SpoolFile): void {
    this.#lookAtFreeSpaceAtBytes = 0;
    this.#full = false;
    file.dumps -= 1;
    if (file.dumps > 0) return;
    this.#files.splice(this.#files.indexOf(file), 1);
    this.#usedBytes -= file.diskBytes;
    // The last close frees what a file without a name has on disk. For gigabytes that takes a second: not here.
    if (this.#failure === undefined) this.send({ op: 'close-file', fd: file.fd });
    else closeSync(file.fd);
  }

  run(command: Omit<SpoolMove, 'id'>): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(new Error(this.#failure));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, (error) => {
        if (error === undefined) resolve();
        else reject(new Error(error));
      });
      this.send({ ...command, id });
    });
  }

  /** In order with what was asked for before. */
  send(command: SpoolCommand): void {
    if (this.#outbox.push(command) > 1) return;
    queueMicrotask(() => {
      this.#worker.postMessage(this.#outbox);
      this.#outbox = [];
    });
  }

  warn(message: string): void {
    this.#options.log.warn(message, { directory: this.#options.directory });
  }

  /** The thread ends by itself: to end one that loads a native module just then would end the whole process (SIGABRT). */
  async end(): Promise<void> {
    this.#worker.ref();
    this.send({ op: 'end' });
    await this.#exited;
    this.#stop('the spool is closed');
  }

  /** A file of its own, as long as there may be more; else the one with the fewest dumps. */
  #fileForOneMore(): SpoolFile {
    const [fewest] = [...this.#files].sort((one, other) => one.dumps - other.dumps);
    if (fewest !== undefined && (fewest.dumps === 0 || this.#files.length >= this.#mostFiles)) return fewest;
    try {
      const file = new SpoolFile(this.#options.directory);
      this.#files.push(file);
      return file;
    } catch (error) {
      if (fewest === undefined || !NO_DESCRIPTOR.has((error as NodeJS.ErrnoException).code ?? ''))
        throw error;
      return fewest;
    }
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
    this.warn(`spool failed, going on without: ${why}`);
    this.#stop(why);
  }

  #stop(why: string): void {
    this.#failure = why;
    for (const id of [...this.#pending.keys()]) this.#settle(id, why);
  }
}
