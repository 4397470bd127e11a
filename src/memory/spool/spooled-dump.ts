import { BLOCK_BYTES } from '../arena.js';
import type { Block } from '../block-cache.js';
import { BitSet } from './bit-set.js';
import type { SpoolFile } from './spool-file.js';
import { EXTENT_BLOCKS } from './spool-file.js';
import { SpoolKey } from './spool-key.js';
import type { Spool } from './spool.js';

/** What is on disk of one dump. */
export class SpooledDump {
  /** Names it to the spool's thread. */
  readonly #id: number;
  readonly #file: SpoolFile;
  readonly #spool: Spool;
  readonly #key = new SpoolKey();
  readonly #stored = new BitSet();
  /** Which extent of the file holds which extent of the dump. */
  readonly #extents = new Map<number, number>();
  #moving = 0;
  #closed = false;
  #broken = false;

  constructor(id: number, file: SpoolFile, spool: Spool) {
    this.#id = id;
    this.#file = file;
    this.#spool = spool;
    file.dumps += 1;
    spool.send({ op: 'open', dump: id, fd: file.fd, key: this.#key.buffer });
  }

  has(index: number): boolean {
    return !this.#closed && this.#stored.has(index);
  }

  /** True while it makes sense to hand blocks over. */
  takes(): boolean {
    return !this.#closed && !this.#broken;
  }

  /** Writes a block that the caller has pinned. Settles when the slot is not needed any more; never rejects. */
  async store(block: Block): Promise<void> {
    if (!this.takes() || this.has(block.index)) return;
    if (!this.#spool.reserve(this.#file, this.#placeOf(block.index))) return;
    try {
      await this.#move('store', block, block.filled);
      this.#stored.add(block.index);
    } catch (error) {
      if (this.takes()) this.#spool.warn(`cannot write to the spool, going on without: ${String(error)}`);
      this.#broken = true;
    }
  }

  /** Reads `length` bytes of a block into the slot that the caller has pinned. False: it has to come from firmware. */
  async load(block: Block, length: number): Promise<boolean> {
    try {
      await this.#move('load', block, length);
      return !this.#closed;
    } catch (error) {
      if (!this.#closed) this.#spool.warn(`cannot read the spool, asking firmware again: ${String(error)}`);
      this.#stored.delete(block.index);
      return false;
    }
  }

  /** Overwrites the key: nothing that the disk may keep can be read any more. */
  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#key.overwrite();
    this.#spool.send({ op: 'close', dump: this.#id });
    if (this.#moving === 0) this.#release();
  }

  async #move(op: 'store' | 'load', block: Block, length: number): Promise<void> {
    const position = this.#placeOf(block.index) * BLOCK_BYTES;
    const offset = block.index * BLOCK_BYTES;
    this.#moving += 1;
    try {
      await this.#spool.run({ op, dump: this.#id, slot: block.slot, position, offset, length });
    } finally {
      this.#moving -= 1;
      if (this.#closed && this.#moving === 0) this.#release();
    }
  }

  /** Not before the last move has ended: another dump may write there next. */
  #release(): void {
    this.#file.giveBack(this.#extents.values());
    this.#spool.release(this.#file);
  }

  /** Where a block of the dump is in the file, in blocks. */
  #placeOf(index: number): number {
    const number = Math.floor(index / EXTENT_BLOCKS);
    let extent = this.#extents.get(number);
    if (extent === undefined) {
      extent = this.#file.takeExtent();
      this.#extents.set(number, extent);
    }
    return extent * EXTENT_BLOCKS + (index % EXTENT_BLOCKS);
  }
}
