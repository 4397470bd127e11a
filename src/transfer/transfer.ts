import { FsError, interrupted } from '../base/errno.js';
import type { DumpTag } from '../base/tag.js';
import type { Block, BlockCache, BlockOwner, Budget, Spool } from '../memory/index.js';
import { BLOCK_BYTES, SpooledBlocks } from '../memory/index.js';
import type { DumpSource, SourceErrorData } from '../source/index.js';
import { MIN_READ_BYTES, SourceError } from '../source/index.js';
import { Batches } from './batches.js';
import type { Hand, HandListener } from './hand.js';
import type { KnownBytes } from './fingerprint.js';
import { fingerprintMemory, fingerprintOf, knownBytesIn, sha256In } from './fingerprint.js';
import type { HandleHolder, Handles } from './handles.js';
import type { PendingRead, Progress, Want } from './pending-reads.js';
import { PendingReads } from './pending-reads.js';
import type { HandUser, Pool } from './pool.js';
import type { EndedPass, HandEvent, PassWork, Standing } from './protocol.js';
import { NO_PASS } from './protocol.js';
import { ReadAhead } from './read-ahead-window.js';
import type { StartPoint } from './resume-points.js';
import { ResumePoints, START } from './resume-points.js';
import { Retry } from './retry.js';
import type { Need, Situation, Step } from './schedule.js';
import { nextStep } from './schedule.js';
import type { Sha256 } from './sha256.js';
import { chooseSha256 } from './sha256.js';

/** What the transfer's owner has to learn. */
export interface TransferOwner {
  readonly tag: DumpTag;
  /** The source's own mark of the incarnation; undefined: the source has not listed it. */
  readonly sourceIncarnation: string | undefined;
  /** Handles that readers hold on the dump. */
  readonly openHandles: number;
  /** Firmware handed over more, or said that the dump ends. */
  onProgress(): void;
  /**
   * The dump cannot be read any more: gone, delivered elsewhere, or another one has the tag. `mixed`: bytes of that one may
   * have been taken for its own.
   */
  onLost(why: 'gone' | 'not-authorized' | 'replaced' | 'mixed'): void;
  /** A firmware call failed. */
  onFailure(failure: { readonly offset: number; readonly error: SourceErrorData }): void;
}

export interface TransferParts {
  readonly source: DumpSource;
  readonly cache: BlockCache;
  readonly blocks: BlockOwner;
  readonly budget: Budget;
  readonly pool: Pool;
  readonly handles: Handles;
  /** Absent: memory only. */
  readonly spool?: Spool | undefined;
  readonly now: () => number;
}

/** A pass on this side: what is to be sent to whichever hand carries it on. */
interface Pass {
  /** Another one whenever what was sent before does not count any more. */
  number: number;
  readonly start: StartPoint;
  readonly detail: unknown;
  readonly bounce: SharedArrayBuffer;
  /** As last heard; undefined: not opened yet. */
  standing: Standing | undefined;
  readonly fingerprint: SharedArrayBuffer;
  /** What it brings is the dump's. Else it is whatever firmware holds, and is for a forced removal alone. */
  readonly isCompared: boolean;
  /** When firmware had handed over the last of it, by `now`; undefined: it has not. */
  finishedAtMs: number | undefined;
  /** Another dump may have taken the tag since it began. */
  isDoubted: boolean;
}

/** What firmware is wanted for beside reading. */
interface Errand {
  readonly kind: 'comparison' | 'removal';
  /** Compares nothing. */
  readonly isForced: boolean;
  isTold: boolean;
  readonly resolve: () => void;
  readonly reject: (error: FsError) => void;
}

/** Blocks brought back from disk before a sequential reader asks for them. */
const PREFETCH_BLOCKS = 8;

/** Without readers and demand, a firmware handle in the middle of a dump is given back after this time. */
export const IDLE_CLOSE_MS = 10_000;

/**
 * For so long what firmware holds is taken for what it has just handed over. The kernel invalidates by tag, also through a
 * handle that has read another dump under it, and not every dump that takes a tag is announced.
 */
export const TRUST_MS = 120_000;

/** Chosen when it is first needed. */
let sha256: Sha256 | undefined;

let passes = NO_PASS;

/** Numbers fit into 32 bits, where hands look for the one that is wanted. */
function nextPassNumber(): number {
  passes = passes === 0x7fff_ffff ? 1 : passes + 1;
  return passes;
}

/**
 * Moves the one firmware stream of one dump. Readers wait for ranges here and never make calls themselves, so all of them
 * share one pass. What happens next is decided by `nextStep`; the calls are made by whichever hand the pool gives.
 */
export class Transfer implements HandUser, HandleHolder, HandListener {
  readonly #owner: TransferOwner;
  readonly #parts: TransferParts;
  readonly #reads: PendingReads;
  readonly #readAhead: ReadAhead;
  readonly #batches: Batches;
  readonly #spooled: SpooledBlocks;
  readonly #points = new ResumePoints();
  readonly #retry: Retry;
  #progress: Progress = { highWater: 0, end: undefined };
  #pass: Pass | undefined;
  /** Passes that are over and still open in firmware: closed with the next command. */
  #ended: EndedPass[] = [];
  #hand: Hand | undefined;
  /** What was sent comes back before anything else is sent. */
  #mustComeBack = false;
  /** Because a call failed: of what else was sent nothing was done. */
  #hasFailed = false;
  /** The number of the `close` under way. */
  #closing = NO_PASS;
  /** The hand is wanted back: as soon as this read is answered, or there is none. */
  #handIsOwed: { readonly after: PendingRead | undefined } | undefined;
  #resumeRefused = false;
  #errand: Errand | undefined;
  /** The last comparison, which a removal waits for. Never rejects. */
  #comparison: Promise<void> | undefined;
  #isForgotten = false;
  readonly #fingerprint: SharedArrayBuffer;
  /** What is known was delivered to another process: the source's marks of incarnations were other ones there. */
  readonly #isHandedOver: boolean;
  /** The dump is lost: only what was fetched can still be had. */
  #stopped: FsError | undefined;
  #advancesSoon = false;
  #idleSinceMs: number;

  /** @param known what another process has handed over of the dump */
  constructor(owner: TransferOwner, parts: TransferParts, known?: KnownBytes) {
    const { cache, blocks, budget, pool, spool, now } = parts;
    this.#owner = owner;
    this.#parts = parts;
    this.#reads = new PendingReads(cache, blocks, budget.readBlocks);
    this.#readAhead = new ReadAhead(() => budget.aheadBlocks(pool.inTransfer));
    this.#batches = new Batches(cache);
    this.#spooled = new SpooledBlocks(spool, cache, blocks, () => this.#advanceSoon());
    this.#retry = new Retry(now);
    this.#idleSinceMs = now();
    this.#isHandedOver = known !== undefined;
    this.#fingerprint = known === undefined ? fingerprintMemory() : fingerprintOf(known);
    if (known?.isWhole === true) this.#progress = { highWater: known.length, end: known.length };
  }

  get tag(): DumpTag {
    return this.#owner.tag;
  }

  get progress(): Progress {
    return this.#progress;
  }

  // --- what the dump asks for ---

  /**
   * Waits until `want` is in the cache. The blocks come pinned: whoever gets them unpins them.
   * @throws FsError EIO, EPERM, EBUSY, ESTALE, EINTR
   */
  wait(want: Want, signal: AbortSignal): Promise<Map<number, Block>> {
    const blocks = this.#reads.wait(want, signal, () => this.#advance());
    this.#advance();
    return blocks;
  }

  /** Keeps firmware ahead of a sequential reader. `hit`: the cache could answer. */
  follow(start: number, end: number, hit: boolean): void {
    // After a miss the reader is about to wait, which looks at everything anyway.
    if (this.#readAhead.follow(start, end, hit) && hit) this.#advance();
  }

  /** Nobody holds the dump open any more. */
  stopReadAhead(): void {
    this.#readAhead.reset();
    this.#advance();
  }

  /** SHA-256 of all that firmware has delivered; undefined: there was a gap, or there is more to come. */
  get sha256(): Buffer | undefined {
    return sha256In(this.#fingerprint, this.#progress.end ?? 0);
  }

  /** By what another process knows the dump again; undefined: nothing was delivered, or it cannot be said just now. */
  get knownBytes(): KnownBytes | undefined {
    return knownBytesIn(this.#fingerprint, (sha256 ??= chooseSha256()));
  }

  /** Another dump may have taken the tag: the handle that is open proves nothing any more. */
  doubt(): void {
    if (this.#pass !== undefined) this.#pass.isDoubted = true;
  }

  /**
   * Compares the beginning of what firmware holds under the tag with what was delivered; where it differs, the owner is
   * told that the dump is lost.
   * @throws FsError firmware could not say
   */
  compare(): Promise<void> {
    if (this.#errand !== undefined) throw new FsError('EBUSY', 'firmware is being asked already');
    const comparison = this.#run('comparison', false);
    this.#comparison = comparison.catch(() => undefined);
    return comparison;
  }

  /**
   * Tells firmware to forget the dump; first reads it to its end where the source demands that. Irreversible.
   *
   * @param isForced also where firmware holds another dump than the one that was delivered
   * @throws FsError EIO, EPERM, EBUSY as in the contract's table
   */
  async invalidate(isForced: boolean): Promise<void> {
    await this.#comparison;
    if (this.#stopped !== undefined) throw this.#stopped;
    if (this.#errand !== undefined) throw new FsError('EBUSY', 'the dump is being removed already');
    await this.#run('removal', isForced);
  }

  #run(kind: Errand['kind'], isForced: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#errand = { kind, isForced, isTold: false, resolve, reject };
      this.#advance();
    });
  }

  /** Takes an invalidation back that firmware has not been told of. False: too late. */
  cancelInvalidate(): boolean {
    if (this.#errand?.kind !== 'removal') return true;
    if (this.#errand.isTold) return false;
    this.#failErrand(interrupted());
    this.#advance();
    return true;
  }

  /**
   * Ends the transfer: answers reads with `error` and closes the firmware handle. What is cached stays.
   *
   * @param givesFetched Who waits for what was fetched once, and comes back from the spool, still gets that.
   */
  stop(error: FsError, givesFetched = false): void {
    this.#stopped = error;
    this.#batches.endWithoutSuccessor();
    this.#giveUpPass();
    this.#readAhead.reset();
    this.#points.clear();
    if (!givesFetched) this.#reads.fail(error);
    // An invalidation that firmware has been told of is awaited: its answer closes the handle.
    if (this.#errand?.isTold !== true) this.#failErrand(error);
    this.#advance();
  }

  /** True when no byte of [start, end) has to come from firmware. */
  holds(start: number, end: number): boolean {
    const { blocks } = this.#parts.blocks;
    const last = Math.min(end, this.#progress.end ?? Infinity);
    for (let index = Math.floor(start / BLOCK_BYTES); index * BLOCK_BYTES < last; index += 1)
      if (!this.#spooled.has(index) && !blocks.has(index)) return false;
    return true;
  }

  /** Makes the copy on disk unreadable, and forgets what the dump is known by. */
  forget(): void {
    this.#spooled.destroy();
    this.#isForgotten = true;
    this.#wipeFingerprint();
  }

  /** Not while a hand may compare with it: firmware would be told to forget whatever dump it holds. */
  #wipeFingerprint(): void {
    if (this.#isForgotten && this.#errand?.isTold !== true) new Uint8Array(this.#fingerprint).fill(0);
  }

  /** Gives a handle back that nobody uses. Called now and then. */
  tick(): void {
    const isUseless =
      this.#pass !== undefined && this.#pass.finishedAtMs === undefined && this.#owner.openHandles === 0;
    const isLongIdle = this.#parts.now() - this.#idleSinceMs >= IDLE_CLOSE_MS;
    if (!isUseless || !isLongIdle || !this.isAtRest || this.isInDemand) return;
    this.#giveUpPass();
    this.#advance();
  }

  /** True: forgetting this transfer loses nothing that a new one would not find out with its first call. */
  get isForgettable(): boolean {
    const hasNothing = this.#pass === undefined && this.#ended.length === 0 && this.#spooled.isEmpty;
    const isQuiet = this.isAtRest && !this.isInDemand && !this.#retry.isPending;
    return hasNothing && isQuiet && this.#progress.end === undefined;
  }

  // --- HandUser ---

  get isUrgent(): boolean {
    if (this.#progress.highWater > 0 || this.#reads.size === 0) return false;
    return (this.#hand?.control.positionOf(this.#pass?.number ?? NO_PASS) ?? 0) === 0;
  }

  onHand(hand: Hand): void {
    this.#hand = hand;
    this.#handIsOwed = undefined;
    hand.use(this);
    hand.control.wakeAt(undefined);
    this.#advance();
  }

  onAskedBack(now: boolean): void {
    this.#handIsOwed = { after: now ? undefined : this.#reads.oldest };
    this.#advance();
  }

  onNoHand(error: Error): void {
    this.#failReadsFrom(0, { kind: 'interface', message: `no thread for firmware calls: ${error.message}` });
    this.#advance();
  }

  // --- HandleHolder ---

  get isAtRest(): boolean {
    return this.#hand === undefined;
  }

  get isInDemand(): boolean {
    return this.#reads.size > 0 || this.#errand !== undefined;
  }

  giveUpPass(): readonly EndedPass[] {
    this.#giveUpPass();
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  onRoom(): void {
    this.#advance();
  }

  // --- what the hand says ---

  onEvent(event: HandEvent): void {
    if (event.op === 'released') {
      this.#parts.handles.closed(this);
      return;
    }
    if (event.op === 'closed') {
      this.#onClosed(event.pass);
      return;
    }
    const pass = this.#pass;
    // An older pass: nothing of it is under way any more.
    if (pass?.number !== event.pass) return;
    if (event.op === 'progress') this.#absorb(this.#hand?.control.positionOf(pass.number));
    else if (event.op === 'filled') this.#onFilled(pass, event);
    else if (this.#errand !== undefined) this.#onErrandAnswer(pass, this.#errand, event);
    this.#advance();
  }

  onCrash(error: Error): void {
    // A hand that dies closes the pass that it has begun with.
    const pass = this.#pass;
    if (pass !== undefined && this.#hand?.control.positionOf(pass.number) !== undefined)
      pass.standing = undefined;
    this.#hand = undefined;
    this.#handIsOwed = undefined;
    this.#batches.crash();
    this.#mustComeBack = false;
    this.#hasFailed = false;
    this.#closing = NO_PASS;
    this.#failReadsFrom(0, { kind: 'interface', message: `firmware thread died: ${error.message}` });
    this.#giveUpPass();
    this.#leaveHandles();
    this.#advance();
  }

  #onFilled(pass: Pass, { standing, points, isEnd, error }: Extract<HandEvent, { op: 'filled' }>): void {
    const { isGivenUp } = this.#batches;
    // What comes back behind a failure was not begun.
    const failure = isGivenUp || this.#hasFailed ? undefined : error;
    pass.standing = standing;
    const position = standing?.offset ?? pass.start.offset;
    if (isEnd && !isGivenUp) this.#onEnd(pass, position);
    this.#batches.land(position, this.#progress.end, (block) => this.#spooled.store(block));
    if (!isGivenUp && pass.isCompared) {
      for (const { offset, resume } of points) this.#points.record(offset, resume);
      this.#raiseHighWater(position);
    }
    if (failure !== undefined) this.#onFailed(pass, position, failure);
    if (this.#batches.isEmpty) this.#comeBack();
  }

  /** Nothing of the pass is under way any more: whatever is sent next is sent under another number. */
  #comeBack(): void {
    this.#idleSinceMs = this.#parts.now();
    const isRenewed = this.#mustComeBack;
    this.#mustComeBack = false;
    this.#hasFailed = false;
    const pass = this.#pass;
    if (!isRenewed || pass === undefined) return;
    // A pass without standing could not be opened.
    if (this.#batches.isGivenUp || pass.standing === undefined) this.#endPass(pass);
    else pass.number = nextPassNumber();
  }

  /** Takes note of bytes that the pass has brought. */
  #absorb(position: number | undefined): void {
    if (position === undefined || this.#batches.absorbed === undefined) return;
    this.#batches.absorb(position);
    this.#raiseHighWater(position);
  }

  #raiseHighWater(position: number): void {
    this.#retry.passed(position);
    if (position <= this.#progress.highWater) return;
    this.#progress = { ...this.#progress, highWater: position };
    this.#owner.onProgress();
  }

  #onEnd(pass: Pass, position: number): void {
    if (position > 0 && position === pass.start.offset && position !== this.#progress.end) {
      // So firmware may answer about a dump that it does not know any more. A pass from the beginning tells.
      this.#points.clear();
      this.#giveUpPass();
      return;
    }
    pass.finishedAtMs = this.#parts.now();
    if (position === 0) {
      this.#owner.onLost('gone');
      return;
    }
    if (!pass.isCompared) return;
    if (this.#progress.end !== undefined && this.#progress.end !== position) {
      this.#owner.onLost('mixed');
      return;
    }
    this.#progress = { highWater: Math.max(position, this.#progress.highWater), end: position };
    this.#batches.absorb(position);
    this.#retry.passed(Infinity);
    this.#owner.onProgress();
  }

  #onFailed(pass: Pass, position: number, error: SourceErrorData): void {
    this.#mustComeBack = true;
    this.#hasFailed = true;
    if (pass.standing === undefined) {
      this.#failReadsFrom(0, error);
      return;
    }
    if (error.kind === 'not-authorized') {
      this.#owner.onLost('not-authorized');
      return;
    }
    if (error.kind === 'replaced') {
      this.#owner.onLost(position === 0 ? 'replaced' : 'mixed');
      return;
    }
    const isResumed = pass.start.offset > 0 && position === pass.start.offset;
    if (isResumed && error.kind === 'firmware') {
      // The sequence from earlier was refused: nothing is lost but the shortcut.
      this.#resumeRefused = true;
      this.#giveUpPass();
      return;
    }
    this.#retry.failed(position);
    this.#failReadsFrom(position, error);
  }

  /** Ends the waits that need a byte at or behind `position`; those before it can still be served. */
  #failReadsFrom(position: number, error: SourceErrorData): void {
    const failure = failureOf(error, { offset: position });
    this.#owner.onFailure({ offset: position, error });
    const block = Math.floor(position / BLOCK_BYTES) * BLOCK_BYTES;
    this.#reads.settle(this.#progress);
    this.#reads.fail(failure, (read) => (this.#missing(read)?.offset ?? -1) >= block);
    this.#readAhead.reset();
    this.#failErrand(failure);
  }

  #failErrand(failure: FsError): void {
    this.#errand?.reject(failure);
    this.#errand = undefined;
    this.#wipeFingerprint();
    if (this.#pass?.isCompared === false) this.#giveUpPass();
  }

  #onErrandAnswer(
    pass: Pass,
    errand: Errand,
    { standing, error }: Extract<HandEvent, { op: 'invalidated' }>,
  ): void {
    pass.standing = standing ?? pass.standing;
    this.#errand = undefined;
    this.#wipeFingerprint();
    // Either way the handle is of no further use: PAPR forgets that it was read to the end.
    this.#giveUpPass();
    if (error === undefined) errand.resolve();
    else errand.reject(failureOf(error, { op: errand.kind }));
    if (error?.kind === 'replaced' || error?.kind === 'gone') this.#owner.onLost(error.kind);
    else if (error !== undefined) this.#owner.onFailure({ offset: this.#progress.highWater, error });
  }

  #onClosed(number: number): void {
    if (number !== this.#closing) return;
    this.#closing = NO_PASS;
    this.#leaveHandles();
    this.#advance();
  }

  // --- the pass ---

  /** The pass goes on no further. It ends when everything has come back. */
  #giveUpPass(): void {
    this.#batches.giveUp();
    if (this.#pass === undefined) return;
    if (!this.#batches.isEmpty) this.#stopFill();
    else if (this.#errand?.isTold !== true) this.#endPass(this.#pass);
  }

  #endPass(pass: Pass): void {
    this.#pass = undefined;
    // What is carried of it goes nowhere any more, and no hand is at it.
    new Uint8Array(pass.bounce).fill(0);
    const { standing } = pass;
    if (standing !== undefined) this.#ended.push({ ...this.#workOf(pass), at: { standing } });
    else this.#leaveHandles();
  }

  #leaveHandles(): void {
    if (this.#pass === undefined && this.#ended.length === 0) this.#parts.handles.leave(this);
  }

  #stopFill(): void {
    if (this.#batches.isEmpty) return;
    this.#mustComeBack = true;
    this.#hand?.control.want(NO_PASS);
  }

  #workOf({ detail, bounce, fingerprint, start, standing }: Pass): PassWork {
    const at = standing === undefined ? { begin: start } : { standing };
    return { tag: this.#owner.tag, detail, bounce, fingerprint, at };
  }

  // --- what to do next ---

  /** Once for all that happens together: blocks come from the spool in runs. */
  #advanceSoon(): void {
    if (this.#advancesSoon) return;
    this.#advancesSoon = true;
    queueMicrotask(() => {
      this.#advancesSoon = false;
      this.#advance();
    });
  }

  #advance(): void {
    this.#reads.settle(this.#progress, this.#hand !== undefined);
    this.#loadSpooled();
    const refusal = this.#refusal;
    if (refusal !== undefined) {
      this.#reads.fail(refusal, (read) => !this.#isFetched(read));
      // Those behind them.
      this.#reads.settle(this.#progress, this.#hand !== undefined);
    }
    if (this.#owesHand) this.#stopFill();
    while (this.#take(this.#nextStep()));
    this.#passHandOn();
    this.#armWake();
  }

  /** Why nothing more is fetched for readers; undefined: it is. */
  get #refusal(): FsError | undefined {
    if (this.#errand?.isForced !== true) return this.#stopped;
    // What is there may be another dump: nothing of it gets into this one.
    return this.#stopped ?? new FsError('EBUSY', 'the dump is being removed, whatever firmware holds by now');
  }

  /** @returns whether there may be more to do */
  #take(step: Step): boolean {
    const hand = this.#hand;
    if (hand === undefined || this.#owesHand || !this.#mayTake(step)) return false;
    switch (step.do) {
      case 'rest':
        return false;
      case 'open':
        return this.#open(step.from);
      case 'fill':
        if (this.#pass !== undefined) this.#sendFill(hand, this.#pass, step.until);
        return true;
      case 'stop':
        this.#stopFill();
        return false;
      case 'compare':
      case 'invalidate':
        if (this.#pass !== undefined && this.#errand !== undefined)
          this.#sendErrand(hand, this.#pass, this.#errand);
        return false;
      case 'close':
        this.#sendClose(hand);
        return false;
    }
  }

  /** A pass is opened only where there is room for it; when there is none, `onRoom` follows. */
  #mayTake(step: Step): boolean {
    if (step.do !== 'open' || this.#pass !== undefined) return true;
    const ended = this.#parts.handles.admit(this);
    if (ended !== undefined) this.#ended.push(...ended);
    return ended !== undefined;
  }

  /** Gives the hand back when it has nothing to do, or others wait for it; asks for one when there is something to do. */
  #passHandOn(): void {
    if (this.#isBusy) return;
    const step = this.#nextStep();
    const wantsHand = step.do !== 'rest' && this.#mayTake(step);
    const hand = this.#hand;
    if (hand !== undefined && wantsHand && !this.#owesHand) return;
    this.#hand = undefined;
    this.#handIsOwed = undefined;
    // Quotas are for those that have a hand: without one nothing stays pinned, however many dumps are open.
    this.#reads.settle(this.#progress, false);
    if (hand !== undefined) {
      this.#parts.pool.release(hand);
      this.#parts.handles.roomChanged();
    }
    if (wantsHand) this.#parts.pool.request(this);
    else this.#parts.pool.withdraw(this);
  }

  get #isBusy(): boolean {
    return !this.#batches.isEmpty || this.#closing !== NO_PASS || this.#errand?.isTold === true;
  }

  get #owesHand(): boolean {
    const owed = this.#handIsOwed;
    return owed !== undefined && (owed.after === undefined || owed.after !== this.#reads.oldest);
  }

  #nextStep(): Step {
    return nextStep(this.#situation());
  }

  #situation(): Situation {
    const { source } = this.#parts;
    const batches = this.#batches;
    const need = this.#need();
    const pass = this.#pass;
    return {
      pass: this.#stateOf(pass),
      mustComeBack: this.#mustComeBack || this.#closing !== NO_PASS,
      isBusy: this.#isBusy,
      hasRoom: batches.hasRoom,
      planned: batches.planned,
      freshFrom: batches.firstFreshBlock * BLOCK_BYTES,
      need,
      isComing: need !== undefined && this.#isComing(need),
      demandEnd: this.#demandEnd(),
      spoolIsBehind: this.#spooled.mustWait(),
      bestStart:
        source.resumable && !this.#resumeRefused && need !== undefined
          ? this.#points.nearest(need.offset)
          : START,
      wantsFreshPass: pass !== undefined && this.#retry.wantsFreshPass(batches.planned),
      errand: this.#errand === undefined ? 'none' : this.#errand.isTold ? 'told' : this.#errand.kind,
      removalNeeds: this.#removalNeeds,
      isFresh: pass?.start.offset === 0 && pass.standing === undefined,
      isStopped: this.#stopped !== undefined,
      hasEndedPass: this.#ended.length > 0,
    };
  }

  /** A finished handle is kept for a removal alone: one that proves nothing is of no use. */
  #stateOf(pass: Pass | undefined): Situation['pass'] {
    if (pass === undefined) return 'none';
    if (pass.finishedAtMs === undefined) return 'open';
    const isOld = this.#errand?.isForced !== true && this.#parts.now() - pass.finishedAtMs >= TRUST_MS;
    return pass.isDoubted || isOld ? 'none' : 'finished';
  }

  get #removalNeeds(): Situation['removalNeeds'] {
    const { invalidateNeedsFinishedPass, knowsIncarnations } = this.#parts.source;
    if (invalidateNeedsFinishedPass) return 'finished pass';
    const isSame = knowsIncarnations && !this.#isHandedOver;
    return isSame || this.#errand?.isForced === true ? 'pass' : 'comparison';
  }

  /** What has to come next; undefined: nobody waits for anything that only firmware can give. */
  #need(): Need | undefined {
    for (const read of this.#reads.all()) {
      const missing = this.#missing(read);
      if (missing !== undefined) return missing;
    }
    return undefined;
  }

  /** All of it is in memory or on disk. */
  #isFetched(read: PendingRead): boolean {
    const { blocks } = this.#parts.blocks;
    const isInMemory = (index: number): boolean =>
      (blocks.get(index)?.filled ?? 0) >= read.neededIn(index, this.#progress);
    return read.missing(this.#progress, (at) => this.#spooled.has(at) || isInMemory(at)) === undefined;
  }

  #missing(read: PendingRead): Need | undefined {
    return read.missing(this.#progress, (index) => this.#spooled.has(index));
  }

  #isComing(need: Need): boolean {
    return need.kind === 'position'
      ? !this.#batches.isEmpty
      : this.#batches.brings(need.offset / BLOCK_BYTES);
  }

  /** Offset up to which the pass has a reason to go on. */
  #demandEnd(): number {
    let end = this.#retry.isPending ? 0 : this.#readAhead.endOffset;
    for (const read of this.#reads.all()) {
      if (this.#missing(read) !== undefined) end = Math.max(end, read.goal);
    }
    return end;
  }

  /** Brings back from disk what somebody waits for, or is about to ask for. */
  #loadSpooled(): void {
    const { end } = this.#progress;
    for (const index of this.#readAhead.next(PREFETCH_BLOCKS))
      if (this.#spooled.has(index)) this.#spooled.load(index, end);
    for (const read of this.#reads.all()) {
      if (!read.admitted) continue;
      for (let index = read.firstBlock; index < read.lastBlockEnd(this.#progress); index += 1)
        if (this.#spooled.has(index)) this.#spooled.load(index, end);
    }
  }

  // --- what is sent ---

  /** @returns false: an older pass has to come back first */
  #open(from: StartPoint): boolean {
    this.#giveUpPass();
    if (this.#pass !== undefined) return false;
    this.#batches.begin(from.offset);
    if (from.offset === 0) {
      this.#points.clear();
      this.#retry.beginAfresh();
    }
    const isCompared = this.#errand?.isForced !== true;
    this.#pass = {
      number: nextPassNumber(),
      start: from,
      detail: this.#parts.source.detail(this.#owner.tag, this.#owner.sourceIncarnation),
      isCompared,
      // Forced, whatever firmware holds is read to its end.
      fingerprint: isCompared ? this.#fingerprint : fingerprintMemory(),
      isDoubted: false,
      bounce: new SharedArrayBuffer(MIN_READ_BYTES),
      standing: undefined,
      finishedAtMs: undefined,
    };
    return true;
  }

  #sendFill(hand: Hand, pass: Pass, until: number): void {
    const fill = this.#batches.next(until, (index) => this.#blockFor(index));
    hand.control.want(pass.number);
    hand.send({ op: 'fill', ...this.#address(hand, pass), ...fill });
  }

  #sendErrand(hand: Hand, pass: Pass, errand: Errand): void {
    errand.isTold = true;
    const address = this.#address(hand, pass);
    if (errand.kind === 'comparison') hand.send({ op: 'compare', ...address });
    else hand.send({ op: 'invalidate', compares: this.#removalNeeds === 'comparison', ...address });
  }

  #sendClose(hand: Hand): void {
    this.#giveUpPass();
    this.#closing = nextPassNumber();
    hand.holds = NO_PASS;
    hand.send({ op: 'close', pass: this.#closing, ended: this.#takeEnded() });
  }

  /** Which pass is meant, with all that a hand needs to know of it that does not hold it. */
  #address(
    hand: Hand,
    pass: Pass,
  ): { pass: number; work: PassWork | undefined; ended: readonly EndedPass[] } {
    const { number } = pass;
    const work = hand.holds === number ? undefined : this.#workOf(pass);
    if (work !== undefined) this.#parts.handles.touch(this);
    hand.holds = number;
    return { pass: number, work, ended: this.#takeEnded() };
  }

  #takeEnded(): readonly EndedPass[] {
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  /** A pinned block to fill, or undefined where the bytes are here already, or not worth a place. */
  #blockFor(index: number): Block | undefined {
    const { cache, blocks } = this.#parts;
    if (blocks.blocks.has(index) || index * BLOCK_BYTES >= (this.#progress.end ?? Infinity)) return undefined;
    if (this.#spooled.has(index) || this.#pass?.isCompared === false) return undefined;
    const wanted =
      this.#spooled.takes || this.#readAhead.includes(index) || this.#reads.want(index, this.#progress);
    if (!wanted && cache.wouldEvict(blocks)) return undefined;
    return cache.available > 0 ? cache.allocate(blocks, index) : undefined;
  }

  /** Asks the hand to report as soon as the next read may be satisfied. */
  #armWake(): void {
    const control = this.#hand?.control;
    const pass = this.#pass;
    for (;;) {
      const { absorbed } = this.#batches;
      if (control === undefined || pass === undefined || absorbed === undefined) return;
      const wakeAt = this.#reads.nextGoal(absorbed);
      control.wakeAt(wakeAt);
      // The hand may have passed that point before it could see the request.
      const position = control.positionOf(pass.number);
      if (wakeAt === undefined || position === undefined || position < wakeAt) return;
      this.#absorb(position);
      this.#reads.settle(this.#progress);
    }
  }
}

function failureOf(error: SourceErrorData, fields: Record<string, unknown>): FsError {
  return new FsError(SourceError.codeOf(error.kind), error.message, {
    // The store has logged the failed call once, with all it knows.
    severity: 'debug',
    fields: { ...fields, status: error.status, sequence: error.sequence },
  });
}
