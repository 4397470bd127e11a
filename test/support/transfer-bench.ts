import type { ErrnoName } from '../../src/base/errno.js';
import { FsError } from '../../src/base/errno.js';
import type { Logger } from '../../src/base/log.js';
import { silentLogger } from '../../src/base/log.js';
import type { DumpTag } from '../../src/base/tag.js';
import { Dump } from '../../src/dump/dump.js';
import { BLOCK_BYTES, BlockCache, budgetFor, slotViews } from '../../src/memory/index.js';
import type { Budget } from '../../src/memory/index.js';
import type { Hand, HandLife, HandListener } from '../../src/transfer/hand.js';
import { Handles } from '../../src/transfer/handles.js';
import { Hand as HandSide } from '../../src/transfer/pass.js';
import { LOOK_MS, Pool } from '../../src/transfer/pool.js';
import type { Command, HandEvent } from '../../src/transfer/protocol.js';
import { portableSha256 } from '../../src/transfer/sha256.js';
import { Control, NO_PASS } from '../../src/transfer/protocol.js';
import type { CursorStep, DumpCursor, DumpDriver, DumpSource, PassState } from '../../src/source/index.js';
import { SourceError } from '../../src/source/index.js';
import type { SourceErrorKind } from '../../src/source/source-error.js';

/** What scripted firmware does about one dump. May be changed while the dump is being read. */
export interface ScriptedDump {
  bytes: Uint8Array;
  /** Bytes that the next call brings at most. */
  chunk: () => number;
  /** Called before each call; what it returns is the failure of that call. */
  fault?: ((offset: number) => SourceErrorKind | undefined) | undefined;
  /** Another program has the dump open. */
  held?: boolean;
  /** Failure of an invalidation. */
  invalidateFault?: SourceErrorKind | undefined;
  invalidated?: boolean;
  /** Handles that are open: firmware allows one. */
  open?: number;
}

export interface BenchOptions {
  readonly resumable: boolean;
  /** Memory in blocks. */
  readonly slots: number;
  /** Hands that work side by side, and all of them; default: as memory allows. */
  readonly atWork?: number;
  readonly hands?: number;
  /** Passes that may be open. */
  readonly passes?: number;
  readonly announced?: boolean;
  /** The source lists dumps by itself. */
  readonly lists?: boolean;
  /** The source tells one dump under a tag from the next by itself. */
  readonly knowsIncarnations?: boolean;
  /** In the place of scripted firmware. */
  readonly driver?: DumpDriver;
  readonly log?: Logger;
}

/**
 * Dumps with real transfers and what hands do, but no threads: what a thread does and what it says happens when the
 * test says so. Deterministic, so that every interleaving can be tried.
 */
export class TransferBench {
  readonly cache: BlockCache;
  readonly pool: Pool;
  readonly handles: Handles;
  readonly started: ScriptedThread[] = [];
  nowMs = 0;
  /** Called in the middle of a fill, before each firmware call. */
  onCall: (() => void) | undefined;
  readonly #options: BenchOptions;
  readonly #budget: Budget;
  readonly #firmware = new Map<DumpTag, ScriptedDump>();
  #serials = 0;

  constructor(options: BenchOptions) {
    this.#options = options;
    this.cache = new BlockCache(options.slots * BLOCK_BYTES);
    this.#budget = budgetFor(options.slots);
    const { hands = this.#budget.hands, atWork = hands, passes = this.#budget.passes } = options;
    this.handles = new Handles(passes);
    const start = (life: HandLife): Hand => {
      const thread = new ScriptedThread(options.driver ?? this.#driver, this.cache.arena.slabs, life);
      this.started.push(thread);
      return thread;
    };
    this.pool = new Pool({ atWork, most: hands }, start, silentLogger, () => this.nowMs);
  }

  /** A dump that firmware delivers as scripted. */
  dump(tag: DumpTag, script: ScriptedDump): Dump {
    this.#firmware.set(tag, script);
    const { announced = true, lists = false, resumable, knowsIncarnations = false } = this.#options;
    const source: DumpSource = {
      name: 'sim',
      lists,
      resumable,
      knowsIncarnations,
      invalidateNeedsFinishedPass: !resumable,
      driver: { module: '', data: undefined },
      detail: () => undefined,
      list: () => [],
      onChange: () => () => undefined,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const size = announced ? { size: script.bytes.length, sizeOrigin: 'announced' as const } : {};
    return new Dump(
      ++this.#serials,
      { tag, incarnation: '1', ...size },
      {
        source,
        cache: this.cache,
        budget: this.#budget,
        pool: this.pool,
        handles: this.handles,
        now: () => this.nowMs,
        log: this.#options.log ?? silentLogger,
      },
    );
  }

  /** Threads that have something to do or to say. */
  get busy(): ScriptedThread[] {
    return this.started.filter((thread) => thread.isBusy);
  }

  /** Lets all threads work until none has anything left. @param mostSteps more than that is a livelock */
  async run(mostSteps = 5000): Promise<void> {
    await settled();
    for (let steps = 0; this.busy.length > 0 || this.pool.waiting > 0; steps += 1) {
      if (steps > mostSteps) throw new Error(`threads are still busy after ${mostSteps} steps`);
      if (this.busy.length === 0) {
        this.nowMs += LOOK_MS;
        this.pool.look();
      }
      for (const thread of this.busy) thread.step();
      await settled();
    }
  }

  /** Slots that somebody has pinned. */
  get pinned(): number {
    return this.cache.arena.slots - this.cache.available;
  }

  #cursor(script: ScriptedDump, offset: number): DumpCursor {
    return new ScriptedCursor(script, offset, this.#options.resumable, () => this.onCall?.());
  }

  get #driver(): DumpDriver {
    return {
      open: (tag, from) => {
        const script = this.#firmware.get(tag);
        if (script === undefined) throw new Error('no such dump is scripted');
        if (script.held === true) throw new SourceError({ kind: 'held', message: 'held by another program' });
        script.open = (script.open ?? 0) + 1;
        if (script.open > 1) throw new SourceError({ kind: 'held', message: 'held by this process itself' });
        return this.#cursor(script, from === 0n ? 0 : Number(from) - 1);
      },
      carryOn: (tag, state) => {
        const script = this.#firmware.get(tag);
        if (script === undefined) throw new Error('no such dump is scripted');
        return this.#cursor(script, Number(state.next));
      },
    };
  }
}

/** Firmware's side of one pass. Resume points are offsets, plus one so that none is the beginning. */
class ScriptedCursor implements DumpCursor {
  readonly #script: ScriptedDump;
  readonly #resumable: boolean;
  readonly #onCall: () => void;
  #offset: number;

  constructor(script: ScriptedDump, offset: number, resumable: boolean, onCall: () => void) {
    this.#script = script;
    this.#resumable = resumable;
    this.#onCall = onCall;
    this.#offset = offset;
  }

  get state(): PassState {
    return { next: BigInt(this.#offset), phase: 'reading' };
  }

  read(into: Uint8Array): CursorStep {
    this.#onCall();
    const kind = this.#script.fault?.(this.#offset);
    if (kind !== undefined) throw new SourceError({ kind, message: `scripted: ${kind}` });
    if (this.#script.invalidated === true) return { bytes: 0, done: true };
    const { bytes } = this.#script;
    const count = Math.min(this.#script.chunk(), into.length, Math.max(0, bytes.length - this.#offset));
    into.set(bytes.subarray(this.#offset, this.#offset + count));
    this.#offset += count;
    const done = this.#offset >= bytes.length;
    return { bytes: count, done, ...(this.#resumable && !done ? { resume: BigInt(this.#offset + 1) } : {}) };
  }

  invalidate(): void {
    const kind = this.#script.invalidateFault;
    if (kind !== undefined) throw new SourceError({ kind, message: `scripted: ${kind}` });
    if (!this.#resumable && this.#offset < this.#script.bytes.length)
      throw new SourceError({ kind: 'unfinished', message: 'scripted: not read to the end' });
    this.#script.invalidated = true;
  }

  close(): void {
    this.#script.open = (this.#script.open ?? 0) - 1;
  }
}

/** A hand that does nothing by itself. */
export class ScriptedThread implements Hand {
  readonly control = new Control();
  holds = NO_PASS;
  readonly #side: HandSide;
  readonly #life: HandLife;
  readonly #commands: Command[] = [];
  readonly #events: HandEvent[] = [];
  #listener: HandListener | undefined;
  #current: Command | undefined;
  #ended = false;

  constructor(driver: DumpDriver, slabs: readonly SharedArrayBuffer[], life: HandLife) {
    this.#life = life;
    const views = slotViews(slabs);
    const emit = (event: HandEvent): void => void this.#events.push(structuredClone(event));
    this.#side = new HandSide({ driver, views, control: this.control, emit, sha256: portableSha256 });
    queueMicrotask(() => {
      if (!this.#ended) life.onReady();
    });
  }

  get isBusy(): boolean {
    return this.canWork || this.canSay;
  }

  get canWork(): boolean {
    return !this.#ended && this.#commands.length > 0;
  }

  get canSay(): boolean {
    return !this.#ended && this.#events.length > 0;
  }

  /** Delivers the next event; where there is none, carries out the next command. */
  step(): void {
    if (!this.say()) this.work();
  }

  /** Carries out the next command. What it has to say is kept until `say`. */
  work(): boolean {
    const command = this.#commands.shift();
    if (command === undefined || this.#ended) return false;
    this.#current = command;
    this.#side.carryOut(command);
    this.#current = undefined;
    return true;
  }

  /** It is at an invalidation, or about to be: nothing takes that back. */
  get isToldToInvalidate(): boolean {
    return [this.#current, ...this.#commands].some((command) => command?.op === 'invalidate');
  }

  /** Delivers the next event. */
  say(): boolean {
    const event = this.#events.shift();
    if (event === undefined || this.#ended) return false;
    this.#listener?.onEvent(event);
    return true;
  }

  /** The thread dies; what it had to do and to say is lost. */
  crash(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#side[Symbol.dispose]();
    this.#life.onGone(new Error('scripted crash'));
    this.#listener?.onCrash(new Error('scripted crash'));
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  use(listener: HandListener | undefined): void {
    this.#listener = listener;
  }

  send(command: Command): void {
    this.#commands.push(structuredClone(command));
  }

  end(): Promise<void> {
    this.#ended = true;
    return Promise.resolve();
  }
}

/** One read as a reader sees it: its bytes or its errno, once there is an answer. */
export class Reading {
  readonly start: number;
  readonly #controller = new AbortController();
  bytes: Buffer | undefined;
  errno: ErrnoName | undefined;
  aborted = false;

  constructor(dump: Dump, start: number, length: number, knownEnd?: number) {
    this.start = start;
    void this.#read(dump, length, knownEnd);
  }

  get isAnswered(): boolean {
    return this.bytes !== undefined || this.errno !== undefined;
  }

  /** The reader is killed. */
  abort(): void {
    this.aborted = true;
    this.#controller.abort();
  }

  async #read(dump: Dump, length: number, knownEnd: number | undefined): Promise<void> {
    try {
      using bytes = await dump.read(this.start, length, knownEnd, () => this.#controller.signal);
      this.bytes = Buffer.concat(bytes.segments);
      bytes.delivered();
    } catch (thrown) {
      this.errno = FsError.from(thrown).code;
    }
  }
}

/** Lets everything that was promised happen. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
