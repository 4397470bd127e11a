import { FsError, interrupted } from '../base/errno.js';
import type { DumpTag } from '../base/tag.js';
import type { DumpSource, SourceErrorData } from '../source/index.js';
import { SourceError } from '../source/index.js';
import type { Allowance } from './allowance.js';
import { BLOCK_BYTES } from './arena.js';
import type { Block, BlockCache, BlockOwner } from './block-cache.js';
import { FailurePolicy } from './failure-policy.js';
import { Flight } from './flight.js';
import type { PumpEvent } from './pump-protocol.js';
import type { PumpThread, PumpThreads, ThreadClient } from './pump-threads.js';
import type { PumpQuota } from './quota.js';
import type { StartPoint } from './sequence-index.js';
import { SequenceIndex, START } from './sequence-index.js';
import type { Spool } from './spool/spool.js';
import { SpooledBlocks } from './spooled-blocks.js';
import type { Need, Progress, Waiter, Want } from './waiters.js';
import { Waiters } from './waiters.js';
import { Window } from './window.js';

/** What the pump's owner has to learn. */
export interface PumpOwner {
  readonly tag: DumpTag;
  /** Handles that readers hold on the dump. */
  readonly openHandles: number;
  /** Firmware handed over more, or said that the dump ends. */
  onProgress(): void;
  /** The dump cannot be read any more: gone, delivered elsewhere, or another one under the same tag. */
  onLost(why: 'gone' | 'not-authorized' | 'replaced'): void;
  /** A firmware call failed. */
  onFailure(failure: { readonly offset: number; readonly error: SourceErrorData }): void;
}

export interface PumpParts {
  readonly source: DumpSource;
  readonly cache: BlockCache;
  readonly blocks: BlockOwner;
  readonly quota: PumpQuota;
  /** For what is fetched ahead, shared by all pumps. */
  readonly windowPins: Allowance;
  readonly threads: PumpThreads;
  /** Absent: memory only. */
  readonly spool?: Spool | undefined;
  readonly now: () => number;
}

type CursorState = 'closed' | 'open' | 'finished' | 'closing';

interface Removal {
  posted: boolean;
  readonly resolve: () => void;
  readonly reject: (error: FsError) => void;
}

/** Blocks brought back from disk before a sequential reader asks for them. */
const PREFETCH_BLOCKS = 8;

/** Without readers and demand, a firmware handle in the middle of a dump is given back after this time. */
export const IDLE_CLOSE_MS = 10_000;

/** A thread that has something to do and gets no further for so long does not count as one that works. */
export const STUCK_MS = 2000;

/**
 * Moves the one firmware stream of one dump. Readers wait for ranges here and never open cursors themselves, so all
 * of them share one pass. Scheduling only: the calls are made by a pump thread (pump-stream.ts), what it works on is
 * kept in `Flight`.
 */
export class Pump implements ThreadClient {
  readonly #owner: PumpOwner;
  readonly #parts: PumpParts;
  readonly #waiters: Waiters;
  readonly #window: Window;
  readonly #flight: Flight;
  readonly #spooled: SpooledBlocks;
  readonly #index = new SequenceIndex();
  readonly #failures: FailurePolicy;
  #thread: PumpThread | undefined;
  #cursor: CursorState = 'closed';
  /** `open` commands whose answer is still to come; until then the thread's position belongs to an older pass. */
  #opensPending = 0;
  /** Where the current pass began. */
  #start: StartPoint = START;
  /** A call failed, and the batch in which it did has not come back yet. */
  #failing = false;
  #resumeRefused = false;
  #removal: Removal | undefined;
  /** The dump is lost: only what was fetched can still be had. */
  #stopped: FsError | undefined;
  #progress: Progress = { highWater: 0, end: undefined };
  #reconcilesSoon = false;
  #idleSinceMs: number;
  /** When the thread was last seen to get on, and where it was then. */
  #movedAtMs: number;
  #movedTo: number | undefined;

  constructor(owner: PumpOwner, parts: PumpParts) {
    this.#owner = owner;
    this.#parts = parts;
    this.#waiters = new Waiters(parts.cache, parts.blocks, parts.quota.waiterBlocks);
    const mostAhead = (): number => parts.quota.windowBlocks(parts.threads.inUse);
    this.#window = new Window(parts.cache, mostAhead, parts.windowPins);
    this.#flight = new Flight(parts.cache);
    this.#spooled = new SpooledBlocks(parts.spool, parts.cache, parts.blocks, () => this.#reconcileSoon());
    this.#failures = new FailurePolicy(parts.now);
    this.#idleSinceMs = parts.now();
    this.#movedAtMs = parts.now();
  }

  get tag(): DumpTag {
    return this.#owner.tag;
  }

  get progress(): Progress {
    return this.#progress;
  }

  /**
   * Waits until `want` is in the cache. The blocks come pinned: whoever gets them unpins them.
   * @throws FsError EIO, EPERM, EBUSY, ESTALE, EINTR
   */
  wait(want: Want, signal: AbortSignal): Promise<Map<number, Block>> {
    const blocks = this.#waiters.wait(want, signal, () => this.#reconcile());
    this.#reconcile();
    return blocks;
  }

  /** Keeps firmware ahead of a sequential reader. `hit`: the cache could answer. */
  follow(start: number, end: number, hit: boolean): void {
    // After a miss the reader is about to wait, which looks at everything anyway.
    if (this.#window.follow(start, end, hit) && hit) this.#reconcile();
  }

  /** Nobody holds the dump open any more. */
  stopReadAhead(): void {
    this.#window.reset();
    this.#reconcile();
  }

  /**
   * Tells firmware to forget the dump; first reads it to its end where the source demands that. Irreversible.
   * @throws FsError EIO, EPERM, EBUSY as in the contract's table
   */
  invalidate(): Promise<void> {
    if (this.#removal !== undefined) throw new FsError('EBUSY', 'the dump is being removed already');
    return new Promise((resolve, reject) => {
      this.#removal = { posted: false, resolve, reject };
      this.#reconcile();
    });
  }

  /** Takes an invalidation back that firmware has not been told of. False: too late. */
  cancelInvalidate(): boolean {
    const removal = this.#removal;
    if (removal === undefined) return true;
    if (removal.posted) return false;
    this.#failRemoval(interrupted());
    this.#reconcile();
    return true;
  }

  /** Ends the transfer: answers all waiters with `error` and closes the firmware handle. What is cached stays. */
  stop(error: FsError): void {
    this.#stopped = error;
    this.#flight.endWithoutSuccessor();
    this.#abandon();
    this.#window.reset();
    this.#index.clear();
    this.#waiters.fail(error);
    this.#parts.threads.withdraw(this);
    // An invalidation that firmware has been told of is awaited: its answer closes the handle.
    if (this.#removal?.posted !== true) {
      this.#failRemoval(error);
      this.#close();
    }
  }

  /** True when no byte of [start, end) has to come from firmware. */
  holds(start: number, end: number): boolean {
    const { blocks } = this.#parts.blocks;
    const last = Math.min(end, this.#progress.end ?? Infinity);
    for (let index = Math.floor(start / BLOCK_BYTES); index * BLOCK_BYTES < last; index += 1)
      if (!this.#spooled.has(index) && !blocks.has(index)) return false;
    return true;
  }

  /** Makes the copy on disk unreadable. */
  destroySpool(): void {
    this.#spooled.destroy();
  }

  /** Gives an unused handle back, and sees whether the thread gets on. Called now and then. */
  tick(): void {
    const position = this.#thread?.control.position;
    if (!this.#isBusy || position !== this.#movedTo) this.#noteMove(position);
    const idleMs = this.#parts.now() - this.#idleSinceMs;
    const useless = this.#cursor === 'closed' || (this.#cursor === 'open' && this.#owner.openHandles === 0);
    if (useless && this.#isIdle && idleMs >= IDLE_CLOSE_MS) this.#close();
  }

  /** True: forgetting this pump loses nothing that a new one would not find out with its first call. */
  get isForgettable(): boolean {
    const isAtRest = this.#thread === undefined && this.#isIdle && !this.#failures.isPending;
    return isAtRest && this.#progress.end === undefined && this.#spooled.isEmpty;
  }

  // --- ThreadClient ---

  onThread(thread: PumpThread): void {
    this.#thread = thread;
    this.#cursor = 'closed';
    this.#opensPending = 0;
    this.#noteMove(thread.control.position);
    thread.use({
      onEvent: (event) => this.#onEvent(event),
      onCrash: (error) => this.#onCrash(error),
    });
    this.#reconcile();
  }

  get costOfYielding(): number | undefined {
    if (this.#thread === undefined || this.#cursor === 'closing' || !this.#isIdle) return undefined;
    // A finished handle saves a whole pass at `rm`; one that readers still use saves them a new start.
    const cost = (this.#cursor === 'finished' ? 2 : 1) + (this.#owner.openHandles > 0 ? 2 : 0);
    return cost - Math.min(0.9, (this.#parts.now() - this.#idleSinceMs) / 1e6);
  }

  yieldThread(): void {
    this.#close();
  }

  get isStuck(): boolean {
    return this.#isBusy && this.#parts.now() - this.#movedAtMs >= STUCK_MS;
  }

  /** The thread has something to do. */
  get #isBusy(): boolean {
    const isAsked = !this.#flight.isEmpty || this.#opensPending > 0 || this.#removal?.posted === true;
    return this.#thread !== undefined && (isAsked || this.#cursor === 'closing');
  }

  #noteMove(position: number | undefined): void {
    this.#movedAtMs = this.#parts.now();
    this.#movedTo = position;
  }

  // --- what the thread says ---

  #onEvent(event: PumpEvent): void {
    this.#noteMove(this.#thread?.control.position);
    switch (event.op) {
      case 'opened':
        this.#opensPending -= 1;
        break;
      case 'open-failed':
        this.#opensPending -= 1;
        this.#onOpenFailed(event.error);
        break;
      case 'progress':
        if (this.#opensPending === 0) this.#absorb(this.#thread?.control.position);
        break;
      case 'end':
        this.#onEnd(event.position);
        break;
      case 'failed':
        this.#onFailed(event.position, event.error);
        break;
      case 'filled':
        this.#onFilled(event.position, event.points);
        break;
      case 'invalidated':
        this.#onInvalidateAnswer(undefined);
        break;
      case 'invalidate-failed':
        this.#onInvalidateAnswer(event.error);
        break;
      case 'closed':
        this.#onClosed();
        break;
    }
    this.#reconcile();
  }

  /** Takes note of bytes that the current pass has brought. */
  #absorb(position: number | undefined): void {
    if (position === undefined || this.#flight.absorbed === undefined) return;
    this.#flight.absorb(position);
    this.#raiseHighWater(position);
  }

  #raiseHighWater(position: number): void {
    this.#failures.passed(position);
    if (position <= this.#progress.highWater) return;
    this.#progress = { ...this.#progress, highWater: position };
    this.#owner.onProgress();
  }

  #onFilled(position: number, points: readonly StartPoint[]): void {
    const isCurrent = this.#flight.land(position, this.#progress.end, (block) => {
      this.#spooled.store(block);
      return this.#window.keep(block);
    });
    if (isCurrent === true) {
      for (const { offset, resume } of points) this.#index.record(offset, resume);
      this.#raiseHighWater(position);
      this.#failing = false;
    }
    if (this.#flight.isEmpty) this.#idleSinceMs = this.#parts.now();
  }

  #onEnd(position: number): void {
    // A pass that was given up may still have run into the end: that is true, but not what its handle is for now.
    if (this.#flight.absorbed === undefined || this.#opensPending > 0) return;
    if (position > 0 && position === this.#start.offset && position !== this.#progress.end) {
      // So firmware may answer about a dump that it does not know any more. A pass from the beginning tells.
      this.#index.clear();
      this.#cursor = 'closed';
      return;
    }
    this.#cursor = 'finished';
    if (position === 0) {
      this.#owner.onLost('gone');
      return;
    }
    if (this.#progress.end !== undefined && this.#progress.end !== position) {
      this.#owner.onLost('replaced');
      return;
    }
    this.#progress = { highWater: Math.max(position, this.#progress.highWater), end: position };
    this.#flight.absorb(position);
    this.#failures.passed(Infinity);
    this.#owner.onProgress();
  }

  #onFailed(position: number, error: SourceErrorData): void {
    if (this.#flight.absorbed === undefined || this.#opensPending > 0) return;
    this.#absorb(position);
    this.#flight.abandonRest(this.#thread?.control.nextEpoch() ?? 0);
    this.#failing = true;
    if (error.kind === 'not-authorized') {
      this.#owner.onLost('not-authorized');
      return;
    }
    if (this.#start.offset > 0 && position === this.#start.offset && error.kind === 'firmware') {
      // The sequence from earlier was refused: nothing is lost but the shortcut.
      this.#resumeRefused = true;
      this.#cursor = 'closed';
      return;
    }
    this.#failures.failed(position);
    this.#failWaitersFrom(position, error);
  }

  /** Ends the waits that need a byte at or behind `position`; those before it can still be served. */
  #failWaitersFrom(position: number, error: SourceErrorData): void {
    const failure = failureOf(error, { offset: position });
    this.#owner.onFailure({ offset: position, error });
    const block = Math.floor(position / BLOCK_BYTES) * BLOCK_BYTES;
    this.#waiters.settle(this.#progress);
    this.#waiters.fail(failure, (waiter) => (this.#missing(waiter)?.offset ?? -1) >= block);
    this.#window.reset();
    this.#failRemoval(failure);
  }

  #failRemoval(failure: FsError): void {
    this.#removal?.reject(failure);
    this.#removal = undefined;
  }

  #onOpenFailed(error: SourceErrorData): void {
    this.#cursor = 'closed';
    this.#failWaitersFrom(0, error);
    this.#close();
  }

  #onInvalidateAnswer(error: SourceErrorData | undefined): void {
    const removal = this.#removal;
    this.#removal = undefined;
    // Either way the handle is of no further use: PAPR forgets that it was read to the end.
    this.#close();
    if (error === undefined) removal?.resolve();
    else removal?.reject(failureOf(error, { op: 'invalidate' }));
  }

  #onClosed(): void {
    const thread = this.#thread;
    this.#thread = undefined;
    this.#cursor = 'closed';
    // Quotas are for those that hold a thread: without one nothing stays pinned, however many dumps are open.
    this.#window.reset();
    this.#waiters.settle(this.#progress, false);
    if (thread !== undefined) this.#parts.threads.release(thread);
  }

  #onCrash(error: Error): void {
    this.#thread = undefined;
    this.#cursor = 'closed';
    this.#failing = false;
    this.#flight.crash();
    this.#failWaitersFrom(0, { kind: 'interface', message: `pump thread died: ${error.message}` });
    this.#reconcile();
  }

  // --- what to do next ---

  get #isIdle(): boolean {
    return (
      this.#waiters.size === 0 &&
      this.#flight.isEmpty &&
      this.#opensPending === 0 &&
      this.#removal === undefined
    );
  }

  /** Once for all that happens together: blocks come from the spool in runs. */
  #reconcileSoon(): void {
    if (this.#reconcilesSoon) return;
    this.#reconcilesSoon = true;
    queueMicrotask(() => {
      this.#reconcilesSoon = false;
      this.#reconcile();
    });
  }

  #reconcile(): void {
    this.#waiters.settle(this.#progress, this.#thread !== undefined);
    this.#loadSpooled();
    if (this.#failing || this.#cursor === 'closing') return;
    if (this.#removal !== undefined && this.#advanceRemoval(this.#removal)) return;
    if (this.#stopped !== undefined) {
      this.#waiters.fail(this.#stopped, (waiter) => this.#missing(waiter) !== undefined);
      return;
    }
    const need = this.#need();
    if (need !== undefined) this.#serve(need);
    else if (this.#isIdle) this.#rest();
    this.#armWake();
  }

  /** There is nothing to do: a thread is for others now, one that was asked for as well. */
  #rest(): void {
    if (this.#thread === undefined) this.#parts.threads.withdraw(this);
    this.#parts.threads.reclaim();
  }

  /** What has to come next; undefined: nobody waits for anything. */
  #need(): Need | undefined {
    for (const waiter of this.#waiters.all()) {
      const missing = this.#missing(waiter);
      if (missing !== undefined) return missing;
    }
    return this.#removal !== undefined || this.#wantsReadAhead
      ? { kind: 'position', offset: this.#flight.planned }
      : undefined;
  }

  /** What of a waiter's wants only firmware can give. */
  #missing(waiter: Waiter): Need | undefined {
    return waiter.missing(this.#progress, (index) => this.#spooled.has(index));
  }

  /** Brings back from disk what somebody waits for, or is about to ask for. */
  #loadSpooled(): void {
    const { end } = this.#progress;
    for (const index of this.#window.next(PREFETCH_BLOCKS))
      if (this.#spooled.has(index)) this.#spooled.load(index, end);
    for (const waiter of this.#waiters.all()) {
      if (!waiter.admitted) continue;
      for (let index = waiter.firstBlock; index < waiter.lastBlockEnd(this.#progress); index += 1)
        if (this.#spooled.has(index)) this.#spooled.load(index, end);
    }
  }

  /** Read-ahead only continues a pass; it never starts one, nor goes back. */
  get #wantsReadAhead(): boolean {
    if (this.#cursor !== 'open' || this.#failures.isPending) return false;
    return this.#flight.planned < this.#window.endOffset;
  }

  #serve(need: Need): void {
    if (this.#thread === undefined) {
      this.#parts.threads.request(this);
      return;
    }
    // One change of direction at a time: what was given up has to come back from the thread first.
    if (this.#opensPending > 0 || this.#flight.isTurning) return;
    const start = this.#restartFor(need);
    if (start === undefined) this.#feed(this.#thread);
    else this.#restart(this.#thread, start);
  }

  /** Where a new pass has to start to serve `need`; undefined: the current one gets there. */
  #restartFor(need: Need): StartPoint | undefined {
    const resumable = this.#parts.source.resumable && !this.#resumeRefused;
    const best = resumable ? this.#index.nearest(need.offset) : START;
    if (this.#cursor !== 'open') return this.#isComing(need) ? undefined : best;
    if (this.#failures.wantsFreshPass(this.#flight.planned)) return START;
    if (this.#isComing(need)) return undefined;
    const behind = need.kind === 'block' && need.offset < this.#flight.firstFreshBlock * BLOCK_BYTES;
    return behind || best.offset > this.#flight.planned ? best : undefined;
  }

  #isComing(need: Need): boolean {
    return need.kind === 'position' ? !this.#flight.isEmpty : this.#flight.brings(need.offset / BLOCK_BYTES);
  }

  #restart(thread: PumpThread, start: StartPoint): void {
    const { tag } = this.#owner;
    this.#flight.restart(start.offset, thread.control.nextEpoch());
    if (start.offset === 0) this.#index.clear();
    this.#start = start;
    this.#cursor = 'open';
    this.#opensPending += 1;
    const detail = this.#parts.source.detail(tag);
    thread.send({ op: 'open', tag, resume: start.resume, offset: start.offset, detail });
  }

  #abandon(): void {
    this.#flight.abandon(this.#thread?.control.nextEpoch() ?? 0);
    this.#failing = false;
  }

  /** Keeps the thread supplied as far as somebody wants bytes. */
  #feed(thread: PumpThread): void {
    while (this.#cursor === 'open' && this.#flight.hasRoom) {
      const demandEnd = this.#demandEnd();
      if (this.#flight.planned >= demandEnd || this.#spooled.mustWait()) return;
      thread.send(this.#flight.next(demandEnd, (index) => this.#blockFor(index)));
    }
  }

  /** Offset up to which the pass has a reason to go on. */
  #demandEnd(): number {
    if (this.#removal !== undefined) return Infinity;
    let end = this.#failures.isPending ? 0 : this.#window.endOffset;
    for (const waiter of this.#waiters.all()) {
      if (this.#missing(waiter) !== undefined) end = Math.max(end, waiter.goal);
    }
    return end;
  }

  /** A pinned block to fill, or undefined where the bytes are here already, or not worth a place. */
  #blockFor(index: number): Block | undefined {
    const { cache, blocks } = this.#parts;
    if (blocks.blocks.has(index) || index * BLOCK_BYTES >= (this.#progress.end ?? Infinity)) return undefined;
    if (this.#spooled.has(index)) return undefined;
    const wanted =
      this.#spooled.takes || this.#window.includes(index) || this.#waiters.want(index, this.#progress);
    if (!wanted && cache.wouldEvict(blocks)) return undefined;
    return cache.available > 0 ? cache.allocate(blocks, index) : undefined;
  }

  /** Asks the thread to report as soon as the next waiter may be satisfied. */
  #armWake(): void {
    const control = this.#thread?.control;
    for (;;) {
      const { absorbed } = this.#flight;
      if (control === undefined || absorbed === undefined || this.#opensPending > 0) return;
      const wakeAt = this.#waiters.nextGoal(absorbed);
      control.wakeAt(wakeAt);
      // The thread may have passed that point before it could see the request.
      const { position } = control;
      if (wakeAt === undefined || position < wakeAt) return;
      this.#absorb(position);
      this.#waiters.settle(this.#progress);
    }
  }

  // --- removal ---

  /** True: nothing else may happen to the cursor now. */
  #advanceRemoval(removal: Removal): boolean {
    if (removal.posted) return true;
    if (this.#thread === undefined) {
      this.#parts.threads.request(this);
      return true;
    }
    if (this.#cursor === 'closed' && this.#flight.isEmpty) this.#restart(this.#thread, START);
    const mayPost = this.#cursor === 'finished' || !this.#parts.source.invalidateNeedsFinishedPass;
    if (!mayPost) return false;
    if (!this.#flight.isEmpty || this.#opensPending > 0) return true;
    removal.posted = true;
    this.#thread.send({ op: 'invalidate' });
    return true;
  }

  #close(): void {
    if (this.#thread === undefined || this.#cursor === 'closing') return;
    this.#abandon();
    this.#cursor = 'closing';
    this.#thread.send({ op: 'close' });
  }
}

function failureOf(error: SourceErrorData, fields: Record<string, unknown>): FsError {
  return new FsError(SourceError.codeOf(error.kind), error.message, {
    // The store has logged the failed call once, with all it knows.
    severity: 'debug',
    fields: { ...fields, status: error.status, sequence: error.sequence },
  });
}
