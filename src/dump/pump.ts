import { FsError, interrupted } from '../base/errno.js';
import type { DumpTag } from '../base/tag.js';
import type { DumpSource, SourceErrorData } from '../source/index.js';
import { SourceError } from '../source/index.js';
import { BLOCK_BYTES, NO_SLOT } from './arena.js';
import type { Block, BlockCache, BlockOwner } from './block-cache.js';
import { FailurePolicy } from './failure-policy.js';
import type { PumpEvent } from './pump-protocol.js';
import type { PumpThread, PumpThreads, ThreadClient } from './pump-threads.js';
import type { PumpQuota } from './quota.js';
import { BATCHES_IN_FLIGHT, BATCH_BLOCKS } from './quota.js';
import { ReadAhead } from './read-ahead.js';
import type { StartPoint } from './sequence-index.js';
import { SequenceIndex, START } from './sequence-index.js';
import type { Need, Progress, Want } from './waiters.js';
import { Waiter, Waiters } from './waiters.js';

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
  readonly threads: PumpThreads;
  readonly now: () => number;
}

/** A fill under way in the pump thread. `undefined` in `blocks`: read past. */
interface Batch {
  readonly firstBlock: number;
  readonly blocks: readonly (Block | undefined)[];
  /** Ends inside its last block: the next batch has to wait until it is known where. */
  readonly limited: boolean;
  /** Position up to which its bytes have been taken note of. */
  absorbed: number;
  /** Belongs to a pass that was given up: what it brings is kept only where a block is whole. */
  abandoned: boolean;
}

type CursorState = 'closed' | 'open' | 'finished' | 'closing';

interface Removal {
  posted: boolean;
  readonly resolve: () => void;
  readonly reject: (error: FsError) => void;
}

/** Without readers and demand, a firmware handle in the middle of a dump is given back after this time. */
export const IDLE_CLOSE_MS = 10_000;

/**
 * Moves the one firmware stream of one dump. Readers wait for ranges here and never open cursors themselves, so all
 * of them share one pass. Scheduling only: the calls are made by a pump thread (pump-stream.ts).
 */
export class Pump implements ThreadClient {
  readonly #owner: PumpOwner;
  readonly #parts: PumpParts;
  readonly #waiters: Waiters;
  readonly #readAhead: ReadAhead;
  readonly #window = new Map<number, Block>();
  readonly #index = new SequenceIndex();
  readonly #failures: FailurePolicy;
  #thread: PumpThread | undefined;
  #cursor: CursorState = 'closed';
  /** `open` commands whose answer is still to come; until then the thread's position belongs to an older pass. */
  #opensPending = 0;
  #batches: Batch[] = [];
  /** Where the next batch begins. */
  #planned = 0;
  /** The block in which `#planned` lies, begun by the current pass; pinned. */
  #head: Block | undefined;
  #start: StartPoint = START;
  #epoch = 0;
  #failing = false;
  #resumeRefused = false;
  #removal: Removal | undefined;
  #progress: Progress = { highWater: 0, end: undefined };
  #idleSinceMs: number;

  constructor(owner: PumpOwner, parts: PumpParts) {
    this.#owner = owner;
    this.#parts = parts;
    this.#waiters = new Waiters(parts.cache, parts.blocks, parts.quota.waiterBlocks);
    this.#readAhead = new ReadAhead(parts.quota.windowBlocks);
    this.#failures = new FailurePolicy(parts.now);
    this.#idleSinceMs = parts.now();
  }

  get tag(): DumpTag {
    return this.#owner.tag;
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** Waits until `want` is in the cache. The blocks come pinned: whoever gets them unpins them. */
  wait(want: Want, signal: AbortSignal): Promise<Map<number, Block>> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(interrupted());
        return;
      }
      const leave = (): void => {
        if (!this.#waiters.remove(waiter)) return;
        reject(interrupted());
        this.#reconcile();
      };
      const settled = (): void => signal.removeEventListener('abort', leave);
      const waiter = new Waiter(
        want,
        (blocks) => {
          settled();
          resolve(blocks);
        },
        (error) => {
          settled();
          reject(error);
        },
      );
      signal.addEventListener('abort', leave, { once: true });
      this.#waiters.add(waiter);
      this.#reconcile();
    });
  }

  /** Keeps firmware ahead of a sequential reader. A `hit` far from the window says nothing about the stream. */
  follow(start: number, end: number, hit: boolean): void {
    if (hit) {
      const { from, to } = this.#readAhead.window;
      if (Math.floor(start / BLOCK_BYTES) < from - 1 || Math.floor(start / BLOCK_BYTES) > to) return;
    }
    this.#readAhead.follow(start, end);
    this.#trimWindow();
    if (hit) this.#reconcile();
  }

  /** Nobody holds the dump open any more. */
  stopReadAhead(): void {
    this.#readAhead.reset();
    this.#trimWindow();
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
    this.#removal = undefined;
    removal.reject(interrupted());
    this.#reconcile();
    return true;
  }

  /** Ends the transfer: answers all waiters with `error` and closes the firmware handle. What is cached stays. */
  stop(error: FsError): void {
    this.#abandonBatches();
    this.#dropHead();
    this.#readAhead.reset();
    this.#trimWindow();
    this.#index.clear();
    this.#waiters.fail(error);
    this.#parts.threads.withdraw(this);
    // An invalidation that firmware has been told of is awaited: its answer closes the handle.
    if (this.#removal?.posted !== true) {
      this.#failRemoval(error);
      this.#close();
    }
  }

  /** Gives an unused handle back. Called now and then. */
  tick(): void {
    const idleMs = this.#parts.now() - this.#idleSinceMs;
    const useless = this.#cursor === 'closed' || (this.#cursor === 'open' && this.#owner.openHandles === 0);
    if (useless && this.#isIdle && idleMs >= IDLE_CLOSE_MS) this.#close();
  }

  // --- ThreadClient ---

  onThread(thread: PumpThread): void {
    this.#thread = thread;
    this.#cursor = 'closed';
    this.#opensPending = 0;
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

  // --- what the thread says ---

  #onEvent(event: PumpEvent): void {
    switch (event.op) {
      case 'opened':
        this.#opensPending -= 1;
        break;
      case 'open-failed':
        this.#opensPending -= 1;
        if (this.#opensPending === 0) this.#onOpenFailed(event.error);
        break;
      case 'progress':
        this.#absorbProgress();
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
      case 'invalidate-failed':
        this.#onInvalidateAnswer(event.op === 'invalidated' ? undefined : event.error);
        break;
      case 'closed':
        this.#onClosed();
        break;
    }
    this.#reconcile();
  }

  #absorbProgress(): void {
    const batch = this.#batches[0];
    const thread = this.#thread;
    if (batch === undefined || batch.abandoned || this.#opensPending > 0 || thread === undefined) return;
    this.#absorb(batch, thread.control.position);
  }

  #absorb(batch: Batch, position: number): void {
    batch.absorbed = position;
    batch.blocks.forEach((block) => {
      if (block !== undefined) block.filled = clamp(position - block.index * BLOCK_BYTES, 0, BLOCK_BYTES);
    });
    this.#raiseHighWater(position);
  }

  #raiseHighWater(position: number): void {
    if (position <= this.#progress.highWater) return;
    this.#progress = { ...this.#progress, highWater: position };
    this.#failures.passed(position);
    this.#owner.onProgress();
  }

  #onFilled(position: number, points: readonly StartPoint[]): void {
    const batch = this.#batches.shift();
    if (batch === undefined) return;
    this.#absorb(batch, position);
    if (!batch.abandoned) {
      for (const { offset, resume } of points) this.#index.record(offset, resume);
      this.#failures.passed(position);
      this.#failing = false;
      if (position < batchEnd(batch)) this.#planned = position;
    }
    for (const block of batch.blocks) if (block !== undefined) this.#keepOrDrop(block, batch.abandoned);
    if (this.#batches.length === 0) this.#idleSinceMs = this.#parts.now();
  }

  /** A block comes back from the thread with the pin that it went with. */
  #keepOrDrop(block: Block, abandoned: boolean): void {
    const { cache } = this.#parts;
    const end = this.#progress.end;
    const whole =
      block.filled === BLOCK_BYTES || (end !== undefined && block.index * BLOCK_BYTES + block.filled === end);
    const { from, to } = this.#readAhead.window;
    if (!whole && !abandoned && block.filled > 0) {
      this.#head = block; // the pass stopped inside it and goes on from there
      return;
    }
    if (!whole || block.filled === 0) cache.drop(block);
    else if (!block.dropped && block.index >= from && block.index < to && !this.#window.has(block.index)) {
      this.#window.set(block.index, block);
      return;
    }
    cache.unpin(block);
  }

  #onEnd(position: number): void {
    this.#cursor = 'finished';
    if (position === 0) {
      this.#owner.onLost('gone');
      return;
    }
    if (this.#progress.end !== undefined && this.#progress.end !== position) {
      this.#owner.onLost('replaced');
      return;
    }
    const batch = this.#batches[0];
    this.#progress = { highWater: Math.max(position, this.#progress.highWater), end: position };
    if (batch !== undefined) this.#absorb(batch, position);
    this.#planned = position;
    this.#failures.passed(position + 1);
    this.#owner.onProgress();
  }

  #onFailed(position: number, error: SourceErrorData): void {
    if (this.#batches[0]?.abandoned !== false || this.#opensPending > 0) return;
    for (const batch of this.#batches.slice(1)) batch.abandoned = true;
    this.#epoch = this.#thread?.control.nextEpoch() ?? this.#epoch;
    this.#failing = true;
    this.#absorb(this.#batches[0], position);
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
    this.#waiters.fail(failure, (waiter) => (waiter.missing(this.#progress)?.offset ?? -1) >= block);
    this.#readAhead.reset();
    this.#trimWindow();
    this.#failRemoval(failure);
  }

  #failRemoval(failure: FsError): void {
    this.#removal?.reject(failure);
    this.#removal = undefined;
  }

  #onOpenFailed(error: SourceErrorData): void {
    this.#cursor = 'closed';
    this.#planned = 0;
    this.#failWaitersFrom(0, error);
    this.#close();
  }

  #onInvalidateAnswer(error: SourceErrorData | undefined): void {
    const removal = this.#removal;
    this.#removal = undefined;
    // Either way the handle is of no further use: PAPR forgets that it was read to the end.
    this.#close();
    if (removal === undefined) return;
    if (error === undefined) removal.resolve();
    else removal.reject(failureOf(error, { op: 'invalidate' }));
  }

  #onClosed(): void {
    const thread = this.#thread;
    this.#thread = undefined;
    this.#cursor = 'closed';
    if (thread !== undefined) this.#parts.threads.release(thread);
  }

  #onCrash(error: Error): void {
    this.#thread = undefined;
    this.#cursor = 'closed';
    for (const batch of this.#batches) batch.abandoned = true;
    while (this.#batches.length > 0) this.#onFilled(0, []);
    this.#failing = false;
    this.#failWaitersFrom(0, { kind: 'interface', message: `pump thread died: ${error.message}` });
    this.#reconcile();
  }

  // --- what to do next ---

  get #isIdle(): boolean {
    return (
      this.#waiters.size === 0 &&
      this.#batches.length === 0 &&
      this.#opensPending === 0 &&
      this.#removal === undefined
    );
  }

  #reconcile(): void {
    this.#waiters.settle(this.#progress);
    if (this.#failing || this.#cursor === 'closing') return;
    if (this.#removal !== undefined && this.#advanceRemoval()) return;
    const need = this.#need();
    if (need !== undefined) this.#serve(need);
    else if (this.#isIdle) this.#parts.threads.reclaim();
    this.#armWake();
  }

  /** What has to come next; undefined: nobody waits for anything. */
  #need(): Need | undefined {
    const oldest = this.#waiters.oldest?.missing(this.#progress);
    if (oldest !== undefined) return oldest;
    return this.#removal !== undefined || this.#wantsReadAhead
      ? { kind: 'position', offset: this.#planned }
      : undefined;
  }

  /** Read-ahead only continues a pass; it never starts one, nor goes back. */
  get #wantsReadAhead(): boolean {
    if (this.#cursor !== 'open' || this.#failures.isPending) return false;
    return this.#planned < this.#readAhead.window.to * BLOCK_BYTES;
  }

  #serve(need: Need): void {
    if (this.#thread === undefined) {
      this.#parts.threads.request(this);
      return;
    }
    // One change of direction at a time: what was given up has to come back from the thread first.
    if (this.#opensPending > 0 || this.#batches.some((batch) => batch.abandoned)) return;
    const start = this.#restartFor(need);
    if (start === undefined) this.#feed(this.#thread);
    else this.#restart(start);
  }

  /** Where a new pass has to start to serve `need`; undefined: the current one gets there. */
  #restartFor(need: Need): StartPoint | undefined {
    const resumable = this.#parts.source.resumable && !this.#resumeRefused;
    const best = resumable ? this.#index.nearest(need.offset) : START;
    if (this.#cursor !== 'open') return this.#isComing(need) ? undefined : best;
    if (this.#failures.wantsFreshPass(this.#planned)) return START;
    if (this.#isComing(need)) return undefined;
    const behind = need.kind === 'block' && need.offset < this.#firstFreshBlock * BLOCK_BYTES;
    return behind || best.offset > this.#planned ? best : undefined;
  }

  #isComing(need: Need): boolean {
    if (need.kind === 'position') return this.#batches.length > 0;
    const block = need.offset / BLOCK_BYTES;
    return this.#batches.some((batch) => batch.blocks[block - batch.firstBlock] !== undefined);
  }

  /** First block that the current pass can still fill from its start. */
  get #firstFreshBlock(): number {
    return this.#head?.index ?? Math.ceil(this.#planned / BLOCK_BYTES);
  }

  #restart(start: StartPoint): void {
    this.#abandonBatches();
    this.#dropHead();
    if (start.offset === 0) this.#index.clear();
    this.#start = start;
    this.#planned = start.offset;
    this.#cursor = 'open';
    this.#opensPending += 1;
    this.#thread?.send({
      op: 'open',
      tag: this.#owner.tag,
      resume: start.resume,
      offset: start.offset,
      detail: this.#parts.source.detail(this.#owner.tag),
    });
  }

  #abandonBatches(): void {
    if (this.#thread !== undefined) this.#epoch = this.#thread.control.nextEpoch();
    for (const batch of this.#batches) {
      batch.abandoned = true;
      // Nobody will complete these: a later pass needs their place in the list.
      for (const block of batch.blocks)
        if (block !== undefined && block.filled < BLOCK_BYTES) this.#parts.cache.drop(block);
    }
    this.#failing = false;
  }

  #dropHead(): void {
    if (this.#head === undefined) return;
    this.#parts.cache.drop(this.#head);
    this.#parts.cache.unpin(this.#head);
    this.#head = undefined;
  }

  /** Keeps the thread supplied as far as somebody wants bytes. */
  #feed(thread: PumpThread): void {
    if (this.#cursor !== 'open') return;
    while (this.#batches.length < BATCHES_IN_FLIGHT && this.#batches.at(-1)?.limited !== true) {
      const demandEnd = this.#demandEnd();
      if (this.#planned >= demandEnd) return;
      this.#sendBatch(thread, demandEnd);
    }
  }

  /** Offset up to which the pass has a reason to go on. */
  #demandEnd(): number {
    if (this.#removal !== undefined) return Infinity;
    let end = this.#failures.isPending ? 0 : this.#readAhead.window.to * BLOCK_BYTES;
    for (const waiter of this.#waiters.all()) {
      if (waiter.missing(this.#progress) !== undefined) end = Math.max(end, waiter.goal);
    }
    return end;
  }

  #sendBatch(thread: PumpThread, stopAt: number): void {
    const firstBlock = Math.floor(this.#planned / BLOCK_BYTES);
    const length = Math.min(BATCH_BLOCKS, Math.ceil(stopAt / BLOCK_BYTES) - firstBlock);
    const blocks = Array.from({ length }, (_, at) => this.#blockFor(firstBlock + at));
    const batch: Batch = {
      firstBlock,
      blocks,
      limited: stopAt < (firstBlock + length) * BLOCK_BYTES,
      absorbed: this.#planned,
      abandoned: false,
    };
    this.#batches.push(batch);
    this.#head = undefined;
    this.#planned = batchEnd(batch);
    const slots = blocks.map((block) => block?.slot ?? NO_SLOT);
    thread.send({ op: 'fill', epoch: this.#epoch, firstBlock, slots, stopAt });
  }

  /** A pinned block to fill, or undefined where the bytes are here already, or not worth a place. */
  #blockFor(index: number): Block | undefined {
    if (this.#head?.index === index) return this.#head;
    const { cache, blocks } = this.#parts;
    const offset = index * BLOCK_BYTES;
    if (this.#planned > offset && Math.floor(this.#planned / BLOCK_BYTES) === index) return undefined;
    if (blocks.blocks.has(index) || offset >= (this.#progress.end ?? Infinity)) return undefined;
    const { from, to } = this.#readAhead.window;
    const wanted =
      (index >= from && index < to) ||
      this.#waiters
        .all()
        .some((waiter) => index >= waiter.firstBlock && index < waiter.lastBlockEnd(this.#progress));
    if (!wanted && cache.wouldEvict(blocks)) return undefined;
    return cache.available > 0 ? cache.allocate(blocks, index) : undefined;
  }

  #trimWindow(): void {
    const { from, to } = this.#readAhead.window;
    for (const [index, block] of this.#window) {
      if (index >= from && index < to) continue;
      this.#window.delete(index);
      this.#parts.cache.unpin(block);
    }
  }

  /** Asks the thread to report as soon as the next waiter may be satisfied. */
  #armWake(): void {
    const control = this.#thread?.control;
    for (;;) {
      const batch = this.#batches[0];
      if (control === undefined || batch === undefined || batch.abandoned || this.#opensPending > 0) return;
      const absorbed = batch.absorbed;
      const goals = this.#waiters.all().map((waiter) => waiter.goal);
      const wakeAt = goals.reduce(
        (least, goal) => (goal > absorbed && goal < least ? goal : least),
        Infinity,
      );
      control.wakeAt(wakeAt === Infinity ? undefined : wakeAt);
      // The thread may have passed that point before it could see the request.
      if (control.position < wakeAt) return;
      this.#absorb(batch, control.position);
      this.#waiters.settle(this.#progress);
    }
  }

  // --- removal ---

  /** True: an answer of firmware is awaited, nothing else may happen to the cursor. */
  #advanceRemoval(): boolean {
    const removal = this.#removal;
    if (removal === undefined) return false;
    if (removal.posted) return true;
    if (this.#thread === undefined) {
      this.#parts.threads.request(this);
      return true;
    }
    if (this.#cursor === 'closed' && this.#batches.length === 0) this.#restart(START);
    const mayPost = this.#cursor === 'finished' || !this.#parts.source.invalidateNeedsFinishedPass;
    if (!mayPost) return false;
    if (this.#batches.length > 0 || this.#opensPending > 0) return true;
    removal.posted = true;
    this.#thread.send({ op: 'invalidate' });
    return true;
  }

  #close(): void {
    if (this.#thread === undefined || this.#cursor === 'closing') return;
    this.#abandonBatches();
    this.#dropHead();
    this.#cursor = 'closing';
    this.#thread.send({ op: 'close' });
  }
}

function batchEnd(batch: Batch): number {
  return (batch.firstBlock + batch.blocks.length) * BLOCK_BYTES;
}

function failureOf(error: SourceErrorData, fields: Record<string, unknown>): FsError {
  return new FsError(SourceError.codeOf(error.kind), error.message, {
    // The store has logged the failed call once, with all it knows.
    severity: 'debug',
    fields: { ...fields, status: error.status, sequence: error.sequence },
  });
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
