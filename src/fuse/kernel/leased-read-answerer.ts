import { writevSync } from 'node:fs';
import { HOST_LITTLE_ENDIAN } from '../../base/byte-reader.js';
import { ByteWriter } from '../../base/byte-writer.js';
import type { Lease, SharedSlots } from '../../base/shared-slots.js';
import type { LeasedReads } from '../../fs/index.js';
import { LevelLook } from '../../lockdown/index.js';
import { IN_HEADER_BYTES, OPCODE, OUT_HEADER_BYTES } from './abi.js';
import type { ReadRange } from './decode.js';
import { decodeRead } from './decode.js';
import { decodeInHeader } from './in-header.js';

const OPCODE_AT = 4;

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
    if (message.length < IN_HEADER_BYTES || opcodeOf(message) !== OPCODE.READ) return false;
    const read = decoded(message);
    const lease = read && this.#slots.leaseOf(read.fh);
    if (read === undefined || lease === undefined) return false;
    const { offset, size, unique } = read;
    if (offset >= lease.end || !this.#look.isOpen()) return false;
    return this.#send(unique, lease, offset, Math.min(offset + size, lease.end));
  }

  #send(unique: bigint, { owner }: Lease, start: number, end: number): boolean {
    const taken: number[] = [];
    try {
      const parts = [this.#outHeader(unique, end - start)];
      for (let at = start; at < end;) {
        const index = Math.floor(at / this.#blockBytes);
        const slot = this.#slots.take(owner, index);
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

  #outHeader(unique: bigint, bytes: number): Uint8Array {
    this.#writer.reset();
    this.#writer.u32(OUT_HEADER_BYTES + bytes);
    this.#writer.i32(0);
    this.#writer.u64(unique);
    return this.#header;
  }
}

/** Undefined: malformed, which the main thread logs. */
function decoded(message: Uint8Array): (ReadRange & { readonly unique: bigint }) | undefined {
  try {
    const { unique, body } = decodeInHeader(message);
    return { unique, ...decodeRead(body) };
  } catch {
    return undefined;
  }
}

function opcodeOf(message: Uint8Array): number {
  return new DataView(message.buffer, message.byteOffset).getUint32(OPCODE_AT, HOST_LITTLE_ENDIAN);
}

function viewsOf({ slabs, blockBytes }: LeasedReads['blocks']): Uint8Array[] {
  return slabs.flatMap((slab) =>
    Array.from(
      { length: slab.byteLength / blockBytes },
      (_, slot) => new Uint8Array(slab, slot * blockBytes, blockBytes),
    ),
  );
}
