import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ErrnoName } from '../../src/base/errno.js';
import { FsError } from '../../src/base/errno.js';
import type { Logger } from '../../src/base/log.js';
import { silentLogger } from '../../src/base/log.js';
import type { DumpTag } from '../../src/base/tag.js';
import { dumpTag, tagName } from '../../src/base/tag.js';
import { DumpStore } from '../../src/dump/index.js';
import type { RequestContext, UnlinkPolicy } from '../../src/fs/index.js';
import { GuardedFilesystem, ROOT_INO, Volume } from '../../src/fs/index.js';
import type { LockdownGate } from '../../src/lockdown/index.js';
import { openSimSource } from '../../src/source/sim/sim-source.js';
import type { Moment, Unlink } from './trace-checker.js';
import { checkTraceFile } from './trace-checker.js';
import { TraceHere } from './trace-here.js';

/** A gate that a test closes. */
class TestGate implements LockdownGate {
  /** What a daemon does at the rise, as far as there is one here. */
  hide: () => void = () => undefined;
  #locked = false;

  locked(): boolean {
    return this.#locked;
  }

  raise(): void {
    if (this.#locked) return;
    this.#locked = true;
    this.hide();
  }
}

export interface BareOptions {
  readonly discipline?: 'papr' | 'librtas';
  readonly cacheSizeBytes?: number;
  readonly unlinkPolicy?: UnlinkPolicy;
  readonly generated?: readonly { readonly tag: DumpTag; readonly size: number }[];
  readonly latencyUs?: number;
  /** Keep encrypted copies on disk. */
  readonly spool?: boolean;
  readonly known?: readonly { readonly tag: DumpTag; readonly size?: number }[];
  readonly log?: Logger;
  /** What the store says of firmware. */
  readonly storeLog?: Logger;
  /** Time as the store has it, in milliseconds. */
  readonly now?: () => number;
  /** Owner of the files; root by default. */
  readonly uid?: number;
}

interface Opened {
  readonly store: DumpStore;
  readonly volume: Volume;
  readonly fs: GuardedFilesystem;
}

/** The filesystem without a kernel, on a simulated hypervisor whose dumps are files of a temporary directory. */
export class Bare implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'platdumpfs-bare-'));
  readonly tracePath = join(this.dir, 'trace.jsonl');
  readonly #trace = new TraceHere(this.tracePath);
  readonly gate = new TestGate();
  readonly #options: BareOptions;
  readonly #unlinks: Unlink[] = [];
  readonly #arrivals: Moment[] = [];
  #opened: Opened | undefined;

  constructor(options: BareOptions = {}) {
    this.#options = options;
  }

  get store(): DumpStore {
    return this.#open().store;
  }

  get fs(): GuardedFilesystem {
    return this.#open().fs;
  }

  /** The mount ends. */
  end(): Promise<void> {
    return this.#open().volume[Symbol.asyncDispose]();
  }

  /** Both return to zero when every reader has left. */
  get counts(): Volume['inodes']['counts'] {
    return this.#open().volume.inodes.counts;
  }

  #open(): Opened {
    if (this.#opened !== undefined) return this.#opened;
    const options = this.#options;
    const source = openSimSource({
      ...(options.generated === undefined ? { dir: this.dir } : {}),
      dumps: options.generated ?? [],
      latencyUs: options.latencyUs ?? 0,
      discipline: options.discipline ?? 'papr',
      traceChannel: this.#trace.channel,
      log: silentLogger,
    });
    const store = new DumpStore({
      source,
      cacheSizeBytes: options.cacheSizeBytes ?? 8 * 1024 * 1024,
      known: options.known ?? [],
      ...(options.spool === true ? { spool: { directory: tmpdir(), quotaBytes: 1024 ** 3 } } : {}),
      log: options.storeLog ?? silentLogger,
      ...(options.now === undefined ? {} : { now: options.now }),
    });
    const volume = new Volume({
      store,
      uid: options.uid ?? 0,
      gid: 0,
      umask: 0o277,
      unlinkPolicy: options.unlinkPolicy ?? 'delivered',
      readOnly: false,
      log: options.log ?? silentLogger,
    });
    this.gate.hide = () => {
      volume.dropPages();
      volume.removal.drop();
      store.lock();
    };
    this.#opened = { store, volume, fs: new GuardedFilesystem(volume, this.gate) };
    return this.#opened;
  }

  /** Puts a dump in place: listed at once before the first use of the filesystem, soon when it runs already. */
  put(tag: DumpTag, bytes: Uint8Array, side?: Record<string, unknown>): void {
    if (side !== undefined) writeFileSync(join(this.dir, `${tagName(tag)}.json`), JSON.stringify(side));
    this.#arrivals.push({ tag: tagName(tag), atMs: epochMs() });
    writeFileSync(join(this.dir, tagName(tag)), bytes);
  }

  async lookup(tag: DumpTag): Promise<number> {
    const entry = await this.fs.lookup(ROOT_INO, tagName(tag), context());
    return entry.attributes.ino;
  }

  async open(tag: DumpTag): Promise<number> {
    return this.fs.open(await this.lookup(tag), 0, context());
  }

  /** One read as a reader sees it: delivered and copied. */
  async read(fh: number, offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    using bytes = await this.fs.read(fh, offset, length, context(signal));
    const copy = Buffer.concat(bytes.segments);
    bytes.delivered();
    return copy;
  }

  /** Reads on until a short answer, as cat does. */
  async readAll(fh: number, length = 128 * 1024): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let offset = 0; ;) {
      const part = await this.read(fh, offset, length);
      parts.push(part);
      offset += part.length;
      if (part.length < length) return Buffer.concat(parts);
    }
  }

  async unlink(tag: DumpTag, signal?: AbortSignal): Promise<void> {
    const call: Unlink = { tag: tagName(tag), beganAtMs: epochMs() };
    this.#unlinks.push(call);
    try {
      await this.fs.unlink(ROOT_INO, tagName(tag), context(signal));
      call.endedAtMs = epochMs();
    } catch (thrown) {
      // Refused without a look: what is read meanwhile is for readers.
      call.endedAtMs = FsError.from(thrown).code === 'EBUSY' ? call.beganAtMs : epochMs();
      throw thrown;
    }
  }

  names(): string[] {
    this.fs.opendir(ROOT_INO, context());
    const names = [...this.fs.readdir(0)].map(({ name }) => name);
    return names.filter((name) => name !== '.' && name !== '..').sort();
  }

  /** Firmware calls so far. */
  calls(): { op: string; tag: string; offset: number; status: number; bytes: number }[] {
    this.#trace.drain();
    return readFileSync(this.tracePath, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map(
        (line) =>
          JSON.parse(line) as { op: string; tag: string; offset: number; status: number; bytes: number },
      );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened?.store[Symbol.asyncDispose]();
    this.#trace[Symbol.dispose]();
    try {
      checkTraceFile(this.tracePath, {
        unlinks: this.#unlinks,
        arrivals: this.#arrivals,
        isForced: this.#options.unlinkPolicy === 'force',
      });
    } finally {
      rmSync(this.dir, { recursive: true, force: true });
    }
  }
}

/** Now, as traces tell the time. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

export function context(
  signal: AbortSignal = new AbortController().signal,
  uid: number | undefined = 0,
): RequestContext {
  return { uid, gid: 0, pid: 1, groups: () => [], isCheckedByKernel: true, signal };
}

export const TAG = dumpTag(0x200000001n);

/** The errno that work ends with, or `undefined` when it succeeds. */
export async function errnoOf(work: () => unknown): Promise<ErrnoName | undefined> {
  try {
    await work();
    return undefined;
  } catch (thrown) {
    return FsError.from(thrown).code;
  }
}

/** Bytes in which every position can be told from every other. */
export function sampleBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
