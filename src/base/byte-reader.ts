import { endianness } from 'node:os';

/** Byte order of the running machine, which is also that of the FUSE device. */
export const HOST_LITTLE_ENDIAN = endianness() === 'LE';

const WORD = 2 ** 32;
const TEXT = new TextDecoder('utf-8');

/**
 * Takes fields off a message, front to back, and never reads past its end.
 *
 * Every method throws `RangeError` naming the message when there are too few bytes left.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  /** What the bytes are, for error messages. */
  readonly #what: string;
  #position = 0;

  constructor(bytes: Uint8Array, what = 'message', littleEndian = HOST_LITTLE_ENDIAN) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#littleEndian = littleEndian;
    this.#what = what;
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), this.#littleEndian);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), this.#littleEndian);
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4), this.#littleEndian);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), this.#littleEndian);
  }

  /** A 64-bit number that identifies or counts something. @throws RangeError above 2^53-1, where a number is not exact */
  u64AsNumber(): number {
    const value = this.#lossyU64();
    if (value > Number.MAX_SAFE_INTEGER) throw new RangeError(`${this.#what}: ${value} is not below 2^53`);
    return value;
  }

  /** A 64-bit position: everything above 2^53-1 reads as 2^53-1, which lies behind every end. */
  u64Clamped(): number {
    return Math.min(this.#lossyU64(), Number.MAX_SAFE_INTEGER);
  }

  /** The next bytes themselves, not a copy. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Everything up to the end, not a copy. */
  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  /** UTF-8 text up to a NUL, which is consumed. Bytes that are no UTF-8 become U+FFFD. */
  cString(): string {
    const end = this.#bytes.indexOf(0, this.#position);
    if (end < 0) throw new RangeError(`${this.#what}: text without closing NUL`);
    const text = TEXT.decode(this.#bytes.subarray(this.#position, end));
    this.#position = end + 1;
    return text;
  }

  skip(length: number): void {
    this.#advance(length);
  }

  /** @throws RangeError when bytes are left over */
  end(): void {
    if (this.remaining > 0) throw new RangeError(`${this.#what}: ${this.remaining} bytes too many`);
  }

  #lossyU64(): number {
    const at = this.#advance(8);
    const first = this.#view.getUint32(at, this.#littleEndian);
    const second = this.#view.getUint32(at + 4, this.#littleEndian);
    return this.#littleEndian ? second * WORD + first : first * WORD + second;
  }

  #advance(length: number): number {
    const start = this.#position;
    if (!(length >= 0 && length <= this.#bytes.length - start)) {
      throw new RangeError(`${this.#what}: ${length} bytes wanted at ${start}, ${this.remaining} left`);
    }
    this.#position = start + length;
    return start;
  }
}
