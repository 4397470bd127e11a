import type { FsError } from '../base/errno.js';
import { interrupted } from '../base/errno.js';
import type { Block, BlockCache, BlockOwner } from '../memory/index.js';
import { BLOCK_BYTES } from '../memory/index.js';
import type { Need } from './schedule.js';

/** What a reader waits for. */
export interface Want {
  /** Bytes [start, end) have to be in the cache; start === end: none. Clipped to the dump's end once that is known. */
  readonly start: number;
  readonly end: number;
  /** Firmware has to have handed over this many bytes, or said that the dump ends; `Infinity`: the end itself. */
  readonly until: number;
}

/** How far a dump's transfer has come, over all passes. */
export interface Progress {
  /** Bytes that firmware has handed over in the pass that came furthest. */
  readonly highWater: number;
  /** Length of the dump, once firmware said that it is complete. */
  readonly end: number | undefined;
}

export class PendingRead {
  readonly want: Want;
  /** Its blocks fit into what may be pinned now. */
  admitted = false;
  readonly pinned = new Map<number, Block>();
  readonly resolve: (blocks: Map<number, Block>) => void;
  readonly reject: (error: FsError) => void;

  constructor(want: Want, resolve: (blocks: Map<number, Block>) => void, reject: (error: FsError) => void) {
    this.want = want;
    this.resolve = resolve;
    this.reject = reject;
  }

  get firstBlock(): number {
    return Math.floor(this.want.start / BLOCK_BYTES);
  }

  /** Index behind the last block that is still wanted. */
  lastBlockEnd(progress: Progress): number {
    const end = Math.min(this.want.end, progress.end ?? Infinity);
    return end <= this.want.start ? this.firstBlock : Math.ceil(end / BLOCK_BYTES);
  }

  /** Bytes of block `index` that have to be there. */
  neededIn(index: number, progress: Progress): number {
    const end = Math.min(this.want.end, progress.end ?? Infinity);
    return Math.min(BLOCK_BYTES, end - index * BLOCK_BYTES);
  }

  /**
   * What has to come next for this read; undefined: nothing is missing.
   * @param elsewhere says which blocks need not come from firmware
   */
  missing(progress: Progress, elsewhere?: (index: number) => boolean): Need | undefined {
    for (let index = this.firstBlock; index < this.lastBlockEnd(progress); index += 1)
      if (!this.pinned.has(index) && elsewhere?.(index) !== true)
        return { kind: 'block', offset: index * BLOCK_BYTES };
    if (progress.end === undefined && progress.highWater < this.want.until)
      return { kind: 'position', offset: progress.highWater };
    return undefined;
  }

  /** Position at which this read may be satisfied, for a pass that moves forward. */
  get goal(): number {
    return Math.max(this.want.end, this.want.until);
  }
}

/** Readers of one dump that wait, in order of arrival. */
export class PendingReads {
  readonly #cache: BlockCache;
  readonly #owner: BlockOwner;
  readonly #quotaBlocks: number;
  #reads: PendingRead[] = [];

  constructor(cache: BlockCache, owner: BlockOwner, quotaBlocks: number) {
    this.#cache = cache;
    this.#owner = owner;
    this.#quotaBlocks = quotaBlocks;
  }

  get size(): number {
    return this.#reads.length;
  }

  get oldest(): PendingRead | undefined {
    return this.#reads[0];
  }

  all(): readonly PendingRead[] {
    return this.#reads;
  }

  /**
   * Waits until `want` is in the cache. The blocks come pinned: whoever gets them unpins them.
   *
   * @param onLeave called when `signal` has taken the read out, before it is told
   * @throws FsError EINTR, or what `fail` is given
   */
  wait(want: Want, signal: AbortSignal, onLeave: () => void): Promise<Map<number, Block>> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(interrupted());
        return;
      }
      const leave = (): void => {
        if (!this.#remove(read)) return;
        onLeave();
        reject(interrupted());
      };
      const settled = (): void => signal.removeEventListener('abort', leave);
      const read = new PendingRead(
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
      this.#reads.push(read);
    });
  }

  /** True when somebody waits for bytes of block `index`. */
  want(index: number, progress: Progress): boolean {
    return this.#reads.some((read) => index >= read.firstBlock && index < read.lastBlockEnd(progress));
  }

  /** The nearest position behind `position` at which somebody may be satisfied. */
  nextGoal(position: number): number | undefined {
    let nearest: number | undefined;
    for (const { goal } of this.#reads) {
      if (goal > position && goal < (nearest ?? Infinity)) nearest = goal;
    }
    return nearest;
  }

  /**
   * Pins what has arrived for the reads within the quota, and answers those that have everything.
   *
   * @param mayHold false: who still waits afterwards keeps nothing pinned. Only so many dumps may hold memory while
   *   they wait, those that have a thread.
   */
  settle(progress: Progress, mayHold = true): void {
    if (this.#reads.length === 0) return;
    let budget = this.#quotaBlocks;
    const waiting: PendingRead[] = [];
    const satisfied: PendingRead[] = [];
    for (const read of this.#reads) {
      const blocks = read.lastBlockEnd(progress) - read.firstBlock;
      // The oldest is always served, so the queue moves; the others as far as pinned memory allows.
      const admitted = blocks <= budget || waiting.length === 0;
      read.admitted = admitted;
      if (admitted) this.#pinArrived(read, progress);
      if (admitted && read.missing(progress) === undefined) {
        // Whoever is answered lets go at once and uses up no quota: the next one may have everything, too, and must
        // not be taken for one whose bytes are gone.
        satisfied.push(read);
        continue;
      }
      if (admitted) budget -= blocks;
      waiting.push(read);
    }
    this.#reads = waiting;
    if (!mayHold) for (const read of waiting) this.#unpin(read);
    for (const read of satisfied) read.resolve(read.pinned);
  }

  /** Answers with an error all reads for whom `hit` holds. */
  fail(error: FsError, hit: (read: PendingRead) => boolean = () => true): void {
    const failed = this.#reads.filter(hit);
    this.#reads = this.#reads.filter((read) => !failed.includes(read));
    for (const read of failed) {
      this.#unpin(read);
      read.reject(error);
    }
  }

  #remove(read: PendingRead): boolean {
    const at = this.#reads.indexOf(read);
    if (at < 0) return false;
    this.#reads.splice(at, 1);
    this.#unpin(read);
    return true;
  }

  #pinArrived(read: PendingRead, progress: Progress): void {
    for (let index = read.firstBlock; index < read.lastBlockEnd(progress); index += 1) {
      const block = this.#owner.blocks.get(index);
      if (block === undefined || read.pinned.has(index)) continue;
      if (block.filled < read.neededIn(index, progress)) continue;
      this.#cache.pin(block);
      read.pinned.set(index, block);
    }
  }

  #unpin(read: PendingRead): void {
    for (const block of read.pinned.values()) this.#cache.unpin(block);
    read.pinned.clear();
  }
}
