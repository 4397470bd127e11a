import { HOST_LITTLE_ENDIAN } from './byte-reader.js';

const WORD = 2 ** 32;
const TEXT = new TextEncoder();

/**
 * Puts fields into a buffer, front to back. One writer serves many messages, one after the other (`reset`).
 *
 * Every method throws `RangeError` when the buffer is full.
 */
export class ByteWriter {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  #position = 0;

  constructor(bytes: Uint8Array, littleEndian = HOST_LITTLE_ENDIAN) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#littleEndian = littleEndian;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#position;
  }

  /** Bytes that still fit. */
  get room(): number {
    return this.#bytes.length - this.#position;
  }

  /** What was written so far: a view that the next `reset` makes invalid. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#position);
  }

  /** Starts over at `position`. What lies before it keeps its content. */
  reset(position = 0): void {
    this.#position = position;
  }

  u16(value: number): void {
    this.#view.setUint16(this.#advance(2), value, this.#littleEndian);
  }

  u32(value: number): void {
    this.#view.setUint32(this.#advance(4), value, this.#littleEndian);
  }

  i32(value: number): void {
    this.#view.setInt32(this.#advance(4), value, this.#littleEndian);
  }

  u64(value: bigint): void {
    this.#view.setBigUint64(this.#advance(8), value, this.#littleEndian);
  }

  /** @param value a whole number from 0 to 2^53-1 */
  u64FromNumber(value: number): void {
    const at = this.#advance(8);
    const high = Math.floor(value / WORD);
    this.#view.setUint32(at, this.#littleEndian ? value >>> 0 : high, this.#littleEndian);
    this.#view.setUint32(at + 4, this.#littleEndian ? high : value >>> 0, this.#littleEndian);
  }

  bytes(value: Uint8Array): void {
    this.#bytes.set(value, this.#advance(value.length));
  }

  /** UTF-8 without a closing NUL. @returns its length in bytes */
  text(value: string): number {
    const { read, written } = TEXT.encodeInto(value, this.#bytes.subarray(this.#position));
    if (read < value.length) throw new RangeError(`no room for ${value.length} characters`);
    this.#position += written;
    return written;
  }

  zeros(length: number): void {
    const start = this.#advance(length);
    this.#bytes.fill(0, start, start + length);
  }

  #advance(length: number): number {
    const start = this.#position;
    if (length > this.#bytes.length - start) {
      throw new RangeError(`no room for ${length} bytes at ${start} of ${this.#bytes.length}`);
    }
    this.#position = start + length;
    return start;
  }
}
