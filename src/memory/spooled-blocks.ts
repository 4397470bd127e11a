import type { Block, BlockCache, BlockOwner } from './block-cache.js';
import { BLOCK_BYTES } from './arena.js';
import type { Spool } from './spool/spool.js';
import type { SpooledDump } from './spool/spooled-dump.js';

/** Moves blocks of one dump between the cache and the spool. Without a spool it holds nothing. */
export class SpooledBlocks {
  readonly #spool: Spool | undefined;
  readonly #cache: BlockCache;
  readonly #owner: BlockOwner;
  readonly #onMoved: () => void;
  readonly #loading = new Set<number>();
  #file: SpooledDump | undefined;

  /** @param onMoved called when a block has moved, or there is room for more to be written */
  constructor(spool: Spool | undefined, cache: BlockCache, owner: BlockOwner, onMoved: () => void) {
    this.#spool = spool;
    this.#cache = cache;
    this.#owner = owner;
    this.#onMoved = onMoved;
  }

  get isEmpty(): boolean {
    return this.#file === undefined;
  }

  has(index: number): boolean {
    return this.#file?.has(index) === true;
  }

  /** True when blocks that nobody waits for are worth fetching into the cache: they go to disk from there. */
  get takes(): boolean {
    return this.#file?.takes() ?? this.#spool?.isFull === false;
  }

  /** True when the disk is behind, and firmware has to wait for it; the owner hears when that is over. */
  mustWait(): boolean {
    return this.#spool?.isBehind(this.#onMoved) === true;
  }

  /** Writes a whole block to disk, unless it is there. */
  store(block: Block): void {
    if (!this.takes || this.has(block.index)) return;
    // Not before there is something to write: ten thousand dumps may be asked for no more than their first bytes.
    const file = (this.#file ??= this.#spool?.create());
    if (file === undefined) return;
    this.#cache.pin(block);
    void file.store(block).then(() => {
      this.#cache.unpin(block);
      this.#onMoved();
    });
  }

  /**
   * Brings a block back from disk.
   * @param end length of the dump, once known
   */
  load(index: number, end: number | undefined): void {
    const file = this.#file;
    if (file === undefined || this.#loading.has(index) || this.#owner.blocks.has(index)) return;
    if (this.mustWait() || this.#cache.available === 0) return;
    const block = this.#cache.allocate(this.#owner, index);
    const length = Math.min(BLOCK_BYTES, (end ?? Infinity) - index * BLOCK_BYTES);
    this.#loading.add(index);
    void file.load(block, length).then((arrived) => {
      this.#loading.delete(index);
      if (arrived) block.filled = length;
      else this.#cache.drop(block);
      this.#cache.unpin(block);
      this.#onMoved();
    });
  }

  /** Overwrites the key. */
  destroy(): void {
    this.#file?.destroy();
    this.#file = undefined;
  }
}
