import { writevSync } from 'node:fs';
import { constants } from 'node:os';
import { ByteWriter } from '../../base/byte-writer.js';
import type { Logger } from '../../base/log.js';
import type { PinnedBytes } from '../../base/pinned-bytes.js';
import { OUT_HEADER_BYTES } from './abi.js';
import type { Replies } from './operations.js';

/** Longest reply other than of READ: an extended attribute, or as much of a directory as is sent at once. */
const BODY_BYTES = 128 * 1024;

/** writev(2) takes IOV_MAX buffers at once; a reply must be one call. */
const MAX_SEGMENTS = 1023;

/**
 * Writes replies to the device, each in one call, without ever waiting: the kernel has a place for each.
 *
 * A reply that nobody waits for any more (ENOENT: interrupted, or the connection is gone) counts as not sent.
 */
export class ReplyChannel implements Replies {
  readonly #fd: number;
  readonly #log: Logger;
  readonly #buffer = new Uint8Array(OUT_HEADER_BYTES + BODY_BYTES);
  readonly #writer: ByteWriter;
  #closed = false;

  constructor(fd: number, log: Logger, littleEndian?: boolean) {
    this.#fd = fd;
    this.#log = log;
    this.#writer = new ByteWriter(this.#buffer, littleEndian);
  }

  startBody(): ByteWriter {
    this.#writer.reset(OUT_HEADER_BYTES);
    return this.#writer;
  }

  sendBody(unique: bigint): boolean {
    const length = this.#writer.length;
    this.#header(length, 0, unique);
    return this.#write([this.#buffer.subarray(0, length)], unique);
  }

  sendBytes(unique: bigint, bytes: PinnedBytes): boolean {
    const { segments } = bytes;
    const header = this.#header(OUT_HEADER_BYTES + bytes.length, 0, unique);
    const buffers =
      segments.length <= MAX_SEGMENTS ? [header, ...segments] : [header, Buffer.concat(segments)];
    return this.#write(buffers, unique);
  }

  sendError(unique: bigint, wireErrno: number): void {
    this.#write([this.#header(OUT_HEADER_BYTES, wireErrno, unique)]);
  }

  /** From here on nothing is sent: the descriptor may belong to somebody else. */
  close(): void {
    this.#closed = true;
  }

  /** struct fuse_out_header. */
  #header(length: number, error: number, unique: bigint): Uint8Array {
    this.#writer.reset();
    this.#writer.u32(length);
    this.#writer.i32(error);
    this.#writer.u64(unique);
    return this.#writer.written;
  }

  /** @param unique of a reply that is turned into EIO when the kernel does not like it: nobody shall wait for ever */
  #write(buffers: readonly Uint8Array[], unique?: bigint): boolean {
    if (this.#closed) return false;
    try {
      writevSync(this.#fd, buffers);
      return true;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'ENOENT') return false;
      this.#log.error('the kernel refused a reply', { error });
      if (unique !== undefined) this.sendError(unique, -constants.errno.EIO);
      return false;
    }
  }
}
