import { writevSync } from 'node:fs';
import { ByteWriter } from '../../base/byte-writer.js';
import type { Lease, SharedSlots } from '../../base/shared-slots.js';
import type { LeasedReads } from '../../fs/index.js';
import { LevelLook } from '../../lockdown/index.js';
import { OUT_HEADER_BYTES } from './abi.js';
import type { PlainRead } from './plain-read.js';
import { decodePlainRead } from './plain-read.js';

/**
 * Answers reads in the thread that reads the device, where nothing but bytes is wanted any more (`Dump.leaseTo`). To wake
 * the main thread for it costs more than all of the rest: two of three reads of 4 KiB's time.
 */
export class LeasedReadAnswerer {
  readonly #fd: number;
  readonly #blockBytes: number;
  readonly #views: readonly Uint8Array[];
  readonly #slots: SharedSlots;
  readonly #look: LevelLook;
  readonly #header = new Uint8Array(OUT_HEADER_BYTES);
  readonly #writer = new ByteWriter(this.#header);

  constructor(fd: number, { blocks, look }: LeasedReads, slots: SharedSlots) {
    this.#fd = fd;
    this.#blockBytes = blocks.blockBytes;
    this.#views = viewsOf(blocks);
    this.#slots = slots;
    this.#look = new LevelLook(look);
  }

  /** @returns false: the main thread has to answer, or there is nothing to answer */
  answer(message: Uint8Array): boolean {
    const read = decodePlainRead(message);
    const lease = read && this.#slots.leaseOf(read.fh);
    if (read === undefined || lease === undefined) return false;
    if (read.offset >= lease.end || !this.#look.isOpen()) return false;
    return this.#send(read, lease);
  }

  #send({ unique, offset, size }: PlainRead, lease: Lease): boolean {
    const end = Math.min(offset + size, lease.end);
    const taken: number[] = [];
    try {
      const parts = [this.#outHeader(unique, end - offset)];
      for (let at = offset; at < end;) {
        const index = Math.floor(at / this.#blockBytes);
        const slot = this.#slots.take(lease.owner, index);
        if (slot === undefined) return false;
        taken.push(slot);
        const from = at - index * this.#blockBytes;
        const to = Math.min(this.#blockBytes, end - index * this.#blockBytes);
        const view = this.#views[slot];
        if (view === undefined) return false;
        parts.push(view.subarray(from, to));
        at += to - from;
      }
      return this.#write(parts);
    } finally {
      for (const slot of taken) this.#slots.giveBack(slot);
    }
  }

  #write(parts: readonly Uint8Array[]): boolean {
    try {
      writevSync(this.#fd, parts);
      return true;
    } catch (error) {
      // Nobody waits for it any more. Whatever else is wrong the main thread finds out, and says.
      return error instanceof Error && 'code' in error && error.code === 'ENOENT';
    }
  }

  #outHeader([first, second]: PlainRead['unique'], bytes: number): Uint8Array {
    this.#writer.reset();
    this.#writer.u32(OUT_HEADER_BYTES + bytes);
    this.#writer.i32(0);
    this.#writer.u32(first);
    this.#writer.u32(second);
    return this.#header;
  }
}

function viewsOf({ slabs, blockBytes }: LeasedReads['blocks']): Uint8Array[] {
  return slabs.flatMap((slab) =>
    Array.from(
      { length: slab.byteLength / blockBytes },
      (_, slot) => new Uint8Array(slab, slot * blockBytes, blockBytes),
    ),
  );
}
