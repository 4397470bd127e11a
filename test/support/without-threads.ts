import { silentLogger } from '../../src/base/log.js';
import type { DumpTag } from '../../src/base/tag.js';
import { dumpTag } from '../../src/base/tag.js';
import { DumpStore } from '../../src/dump/index.js';
import type { UnlinkPolicy } from '../../src/fs/index.js';
import { GuardedFilesystem, Volume } from '../../src/fs/index.js';
import { BLOCK_BYTES } from '../../src/memory/index.js';
import { MIN_SLOTS } from '../../src/memory/budget.js';
import type { CursorStep, DumpCursor, DumpDriver, PassState } from '../../src/source/index.js';
import { SourceError } from '../../src/source/index.js';
import { sampleBytes } from './bare.js';
import { ScriptedThread, settled } from './transfer-bench.js';

export interface WithoutThreadsOptions {
  /** One dump for each, in bytes. */
  readonly sizes: readonly number[];
  /** False: as `/dev/papr-platform-dump`, which starts over and invalidates only what was read to its end. */
  readonly resumable?: boolean;
  /** Bytes that a firmware call brings at most. */
  readonly chunkBytes?: number;
  readonly unlinkPolicy?: UnlinkPolicy;
  readonly slots?: number;
}

/** What firmware has of a dump, and what was done to it. */
export interface FirmwareDump {
  readonly tag: DumpTag;
  readonly bytes: Buffer;
  /** Passes that are open at this moment. */
  open: number;
  invalidated: boolean;
}

/**
 * All that a daemon consists of behind its transport, on scripted firmware and without threads: what a thread does and
 * what it says happens when the test says so.
 */
export class WithoutThreads implements AsyncDisposable {
  readonly firmware: readonly FirmwareDump[];
  readonly store: DumpStore;
  readonly volume: Volume;
  readonly fs: GuardedFilesystem;
  readonly threads: ScriptedThread[] = [];
  /** Most passes that were open at once. */
  mostOpen = 0;
  isLocked = false;
  nowMs = 0;
  /** Called in a thread, before each firmware call. */
  onCall: () => void = () => undefined;
  /** Called in a thread, before a dump is gone for good. */
  onInvalidate: (dump: FirmwareDump) => void = () => undefined;
  #slabs: readonly SharedArrayBuffer[] = [];
  readonly #resumable: boolean;
  readonly #chunkBytes: number;

  constructor(options: WithoutThreadsOptions) {
    const { sizes, resumable = true, chunkBytes = BLOCK_BYTES, slots = MIN_SLOTS } = options;
    this.#resumable = resumable;
    this.#chunkBytes = chunkBytes;
    this.firmware = sizes.map((size, at) => ({
      tag: dumpTag(0x2_0000_0001n + BigInt(at)),
      bytes: contentOf(size, at + 1),
      open: 0,
      invalidated: false,
    }));
    this.store = new DumpStore({
      source: {
        name: 'scripted',
        lists: true,
        resumable,
        knowsIncarnations: true,
        invalidateNeedsFinishedPass: !resumable,
        driver: { module: '', data: undefined },
        detail: () => undefined,
        list: () =>
          this.firmware
            .filter(({ invalidated }) => !invalidated)
            .map(({ tag, bytes }) => ({ tag, size: bytes.length, announcedAtMs: 1, incarnation: '1' })),
        onChange: () => () => undefined,
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
      cacheSizeBytes: slots * BLOCK_BYTES,
      known: [],
      log: silentLogger,
      now: () => this.nowMs,
      startHand: (life, slabs) => {
        this.#slabs = slabs;
        const thread = new ScriptedThread(this.#driver, slabs, life);
        this.threads.push(thread);
        return thread;
      },
    });
    this.volume = new Volume({
      store: this.store,
      uid: 0,
      gid: 0,
      umask: 0o277,
      unlinkPolicy: options.unlinkPolicy ?? 'delivered',
      readOnly: false,
      log: silentLogger,
    });
    this.fs = new GuardedFilesystem(this.volume, { locked: () => this.isLocked });
  }

  /** Lockdown rises: what a daemon does then, as far as there is one here. */
  raise(): void {
    if (this.isLocked) return;
    this.isLocked = true;
    this.volume.dropPages();
    this.volume.removal.drop();
    this.store.lock();
  }

  get busy(): ScriptedThread[] {
    return this.threads.filter((thread) => thread.isBusy);
  }

  /** Lets all threads work until none has anything left. @param mostSteps more than that is a livelock */
  async run(mostSteps = 5000): Promise<void> {
    await settled();
    for (let steps = 0; this.busy.length > 0; steps += 1) {
      if (steps > mostSteps) throw new Error(`threads are still busy after ${mostSteps} steps`);
      for (const thread of this.busy) thread.step();
      await settled();
    }
  }

  /** Whether a byte that is not zero is left where bytes of dumps are kept. */
  get holdsBytes(): boolean {
    return this.#slabs.some((slab) => !Buffer.from(slab).equals(Buffer.alloc(slab.byteLength)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.volume[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
  }

  get #driver(): DumpDriver {
    return {
      open: (tag, from) => {
        const dump = this.#dump(tag);
        if (dump.open > 0) throw new SourceError({ kind: 'held', message: 'held by this process itself' });
        dump.open += 1;
        this.mostOpen = Math.max(
          this.mostOpen,
          this.firmware.reduce((sum, { open }) => sum + open, 0),
        );
        return this.#cursor(dump, from === 0n ? 0 : Number(from) - 1);
      },
      // What is open stays open until it is closed, whatever firmware has forgotten.
      carryOn: (tag, { next }) => this.#cursor(this.#named(tag), Number(next)),
    };
  }

  #named(tag: DumpTag): FirmwareDump {
    return this.firmware.find((dump) => dump.tag === tag)!;
  }

  #dump(tag: DumpTag): FirmwareDump {
    const dump = this.firmware.find((each) => each.tag === tag && !each.invalidated);
    if (dump === undefined) throw new SourceError({ kind: 'gone', message: 'no such dump' });
    return dump;
  }

  /** Resume points are offsets, plus one so that none is the beginning. */
  #cursor(dump: FirmwareDump, start: number): DumpCursor {
    let offset = start;
    return {
      get state(): PassState {
        return { next: BigInt(offset), phase: 'reading' };
      },
      read: (into): CursorStep => {
        this.onCall();
        if (dump.invalidated) return { bytes: 0, done: true };
        const part = dump.bytes.subarray(offset, offset + Math.min(this.#chunkBytes, into.length));
        into.set(part);
        offset += part.length;
        const done = offset >= dump.bytes.length;
        const resume = this.#resumable && !done ? { resume: BigInt(offset + 1) } : {};
        return { bytes: part.length, done, ...resume };
      },
      invalidate: () => {
        if (!this.#resumable && offset < dump.bytes.length)
          throw new SourceError({ kind: 'unfinished', message: 'not read to the end' });
        this.onInvalidate(dump);
        dump.invalidated = true;
      },
      close: () => {
        dump.open -= 1;
      },
    };
  }
}

const contents = new Map<string, Buffer>();

/** Made once: worlds without threads are made by the thousand. */
function contentOf(size: number, seed: number): Buffer {
  const key = `${size} ${seed}`;
  const known = contents.get(key) ?? sampleBytes(size, seed);
  contents.set(key, known);
  return known;
}
