import type { DumpTag } from '../../src/base/tag.js';

/** What a test believes of a dump: its bytes, and which of them readers have got. */
export class ModelDump {
  readonly tag: DumpTag;
  readonly bytes: Buffer;
  readonly #delivered: Uint8Array;
  /** Calls that firmware will fail, as far as they are reached. */
  mayFail = 0;
  fh: number | undefined;

  constructor(tag: DumpTag, bytes: Buffer) {
    this.tag = tag;
    this.bytes = bytes;
    this.#delivered = new Uint8Array(bytes.length);
  }

  deliver(start: number, end: number): void {
    this.#delivered.fill(1, start, end);
  }

  get isDelivered(): boolean {
    return !this.#delivered.includes(0);
  }
}
