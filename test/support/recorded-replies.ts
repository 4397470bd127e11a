import { ByteWriter } from '../../src/base/byte-writer.js';
import type { PinnedBytes } from '../../src/base/pinned-bytes.js';
import type { Replies } from '../../src/fuse/kernel/operations.js';

export interface RecordedReply {
  readonly unique: bigint;
  /** Negative errno, 0 for none. */
  readonly error: number;
  readonly body: Uint8Array;
}

/** Stands for the device: keeps replies, and can say that nobody waits for them. */
export class RecordedReplies implements Replies {
  readonly sent: RecordedReply[] = [];
  nobodyWaits = false;
  readonly #writer: ByteWriter;

  constructor(littleEndian?: boolean) {
    this.#writer = new ByteWriter(new Uint8Array(65_536), littleEndian);
  }

  /** The last reply. */
  get last(): RecordedReply | undefined {
    return this.sent.at(-1);
  }

  startBody(): ByteWriter {
    this.#writer.reset();
    return this.#writer;
  }

  sendBody(unique: bigint): boolean {
    return this.#send({ unique, error: 0, body: this.#writer.written.slice() });
  }

  sendBytes(unique: bigint, bytes: PinnedBytes): boolean {
    return this.#send({ unique, error: 0, body: Uint8Array.from(Buffer.concat(bytes.segments)) });
  }

  sendError(unique: bigint, wireErrno: number): void {
    this.#send({ unique, error: wireErrno, body: new Uint8Array(0) });
  }

  #send(reply: RecordedReply): boolean {
    if (!this.nobodyWaits) this.sent.push(reply);
    return !this.nobodyWaits;
  }
}
