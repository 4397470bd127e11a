import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Logger } from '../../base/log.js';
import type { Dump, DumpStore, StoreEvent } from '../../dump/index.js';
import type { Volume } from '../../fs/index.js';
import { handedHandle } from '../../fs/index.js';
import type { HandedHeader, HandedLine, HandedMount } from './handed-mount.js';
import { headerText, lineText, parseHandedMount } from './handed-mount.js';

/** How often it is looked at what readers have received since. */
const LOOK_MS = 500;

/** Lines that are out of date are left in the file until it is so much longer than it has to be. */
const MOST_SPARE_BYTES = 1024 * 1024;

export interface HandoverOptions {
  readonly path: string;
  readonly header: Omit<HandedHeader, 'mountedAtMs' | 'generation' | 'isEnded'>;
  readonly store: DumpStore;
  readonly volume: Volume;
  readonly log: Logger;
  /** Nothing can be written any more, and the file is gone. */
  readonly onFailure: () => void;
}

/**
 * What the process that comes after this one has to know of the mount, in a file of the runtime directory: which inode is
 * which dump, what readers have received, which files are open. Tags and sizes, and no byte of a dump.
 *
 * The file is true at any moment, since this process may be killed at any: what the kernel is told of is written before,
 * what readers received a little later, which at worst lets a removal wait for another copy.
 */
export class HandoverFile {
  readonly #options: HandoverOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: readonly (() => void)[];
  /** What was written of a dump that readers have received something of. */
  readonly #progress = new Map<Dump, string>();
  #fd: number | undefined;
  #spareBytes = 0;

  /** @throws Error the file cannot be written */
  constructor(options: HandoverOptions) {
    this.#options = options;
    const { store, volume } = options;
    this.#unsubscribe = [
      store.events.subscribe((event) => this.#onDump(event)),
      volume.inodes.events.subscribe(({ kind, handle }) => {
        this.#add(kind === 'opened' ? { opened: handedHandle(handle) } : { closed: handle.fh });
      }),
    ];
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
    try {
      this.#writeAll();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** The process that comes next can go on from what is written. */
  get isValid(): boolean {
    return this.#fd !== undefined;
  }

  /** Writes down for the last time what is true. @returns whether the process that comes next can go on from it */
  complete(): boolean {
    const wasValid = this.isValid;
    const { path, log } = this.#options;
    try {
      if (wasValid) this.#writeAll(true);
    } catch (error) {
      // What was written before is true as well.
      rmSync(temporaryFor(path), { force: true });
      const { message: reason } = error as Error;
      log.warn('the next process is told what was true half a second ago: it cannot be written anew', {
        path,
        reason,
      });
    }
    this.#end();
    return wasValid && existsSync(path);
  }

  /** There is nothing to go on with any more. */
  remove(): void {
    this.#end();
    removeHandoverFile(this.#options.path);
  }

  #end(): void {
    clearInterval(this.#timer);
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#close();
  }

  #onDump({ kind, dump }: StoreEvent): void {
    const isOver = kind === 'lost' && dump.openHandles === 0;
    this.#progress.delete(dump);
    this.#add(isOver ? { dumpGone: dump.serial } : { dump: this.#options.store.handOverOne(dump) });
  }

  #look(): void {
    for (const dump of this.#options.store.everyDump()) {
      if (dump.delivered === 0) continue;
      const mark = `${dump.delivered} ${String(dump.isDelivered)} ${String(dump.isSaved)}`;
      if (this.#progress.get(dump) === mark) continue;
      const handed = this.#options.store.handOverOne(dump);
      // A thread was at it: the next look finds it.
      if (handed.known === undefined) continue;
      this.#progress.set(dump, mark);
      this.#add({ dump: handed });
    }
  }

  #add(line: HandedLine): void {
    this.#attempt(() => {
      const { length } = this.#write(lineText(line));
      this.#spareBytes += length;
      if (this.#spareBytes > MOST_SPARE_BYTES) this.#writeAll();
    });
  }

  #writeAll(isEnded = false): void {
    const { path, header, store, volume } = this.#options;
    const temporary = temporaryFor(path);
    rmSync(temporary, { force: true });
    this.#close();
    this.#fd = openSync(temporary, 'ax', 0o600);
    const { handles, ...mount } = volume.handOver();
    const lines = [
      headerText({ ...header, ...mount, isEnded }),
      ...store.handOver().map((dump) => lineText({ dump })),
      ...handles.map((opened) => lineText({ opened })),
    ];
    this.#write(lines.join(''));
    renameSync(temporary, path);
    this.#spareBytes = 0;
  }

  #write(text: string): Uint8Array {
    const bytes = Buffer.from(text);
    if (this.#fd === undefined || writeSync(this.#fd, bytes) < bytes.length)
      throw new Error('there is no room for it');
    return bytes;
  }

  /** A file that lacks something is worse than none. */
  #attempt(write: () => void): void {
    if (!this.isValid) return;
    try {
      write();
    } catch (error) {
      const { path, log, onFailure } = this.#options;
      this.remove();
      onFailure();
      log.warn('a restart will interrupt readers: what the next process has to know cannot be written', {
        path,
        reason: (error as Error).message,
      });
    }
  }

  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** @throws Error where there is none, or it cannot be trusted */
export function readHandoverFile(path: string): HandedMount {
  return parseHandedMount(readFileSync(path, 'utf8'));
}

/**
 * Reads what was written for this process, and leaves nothing of it. What cannot be read was written for nobody.
 *
 * @param name what it was asked for by
 * @throws Error where it cannot be trusted, or another process goes on with it
 */
export function takeHandoverFile(path: string, name: string): HandedMount {
  let mount: HandedMount | undefined;
  try {
    mount = readHandoverFile(path);
  } finally {
    if (mount === undefined || mount.name === name) removeHandoverFile(path);
  }
  if (mount.name !== name) throw new Error('another process goes on with it');
  return mount;
}

/** Nothing of it is left, also where it was being written. */
export function removeHandoverFile(path: string): void {
  for (const file of [path, temporaryFor(path)]) rmSync(file, { force: true });
}

function temporaryFor(path: string): string {
  return `${path}.new`;
}
