/** Numbers that programs mistake, in one byte, two, four and eight of either order. */
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff];
const MOST_EDITS = 6;

/** Makes inputs out of others. The same seed makes the same ones. */
export class Mutator {
  readonly #words: readonly Uint8Array[];
  readonly #mostBytes: number;
  #state: number;

  constructor(words: readonly string[], seed: number, mostBytes = 4096) {
    this.#words = words.map((word) => Buffer.from(word, 'latin1'));
    this.#mostBytes = mostBytes;
    this.#state = seed >>> 0 || 1;
  }

  /** @param others inputs of which parts may be taken */
  mutate(input: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
    let bytes: Uint8Array = input;
    for (let left = 1 + this.below(MOST_EDITS); left > 0; left -= 1) bytes = this.#edit(bytes, others);
    return Uint8Array.from(bytes.subarray(0, this.#mostBytes));
  }

  /** A whole number from 0 to `limit` - 1; xorshift. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % Math.max(1, limit);
  }

  oneOf<T>(all: readonly T[]): T | undefined {
    return all[this.below(all.length)];
  }

  #edit(bytes: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
    const at = this.below(bytes.length + 1);
    const length = 1 + this.below(this.below(4) === 0 ? bytes.length : 8);
    const part = bytes.subarray(at, at + length);
    switch (this.below(9)) {
      case 0: // Leave some out.
        return spliced(bytes, at, length, []);
      case 1: // Repeat some.
        return spliced(bytes, this.below(bytes.length + 1), 0, part);
      case 2: // Put some elsewhere.
        return spliced(spliced(bytes, at, length, []), this.below(bytes.length), 0, part);
      case 3: // End early.
        return bytes.subarray(0, at);
      case 4:
        return spliced(bytes, at, 0, this.oneOf(this.#words) ?? []);
      case 5: {
        const word = this.oneOf(this.#words) ?? [];
        return spliced(bytes, at, word.length, word);
      }
      case 6: {
        const number = this.#number();
        return spliced(bytes, at, number.length, number);
      }
      case 7: {
        const other = this.oneOf(others) ?? bytes;
        const from = this.below(other.length);
        return spliced(bytes, at, length, other.subarray(from, from + 1 + this.below(other.length)));
      }
      default:
        return spliced(bytes, at, 1, [(bytes[at] ?? 0) ^ (1 << this.below(8))]);
    }
  }

  #number(): Uint8Array {
    const eight = Buffer.alloc(8);
    eight.writeUInt32LE(this.below(2) === 0 ? (this.oneOf(NUMBERS) ?? 0) : this.below(300));
    const number = eight.subarray(0, this.oneOf([1, 2, 4, 8]));
    return this.below(2) === 0 ? number : number.reverse();
  }
}

function spliced(bytes: Uint8Array, at: number, length: number, put: ArrayLike<number>): Uint8Array {
  const end = bytes.subarray(at + length);
  const made = new Uint8Array(Math.min(at, bytes.length) + put.length + end.length);
  made.set(bytes.subarray(0, at));
  made.set(put, Math.min(at, bytes.length));
  made.set(end, made.length - end.length);
  return made;
}
