import { fromWords, highWord, lowWord, mix32 } from './mix.js';

/** Byte positions take 53 bits of a sequence number, the transfer's number the other 11. */
const OFFSET_HIGH_BITS = 21;
const OFFSET_HIGH_MASK = 2 ** OFFSET_HIGH_BITS - 1;
/** Transfers are numbered 1 .. 2047, then from 1 again. */
const TRANSFERS = 2047;
const ROUNDS = 4;

// One 64-bit word seen as two halves. Which half comes first differs between hosts; both directions use the same.
const halves = new Uint32Array(2);
const whole = new BigUint64Array(halves.buffer);

export interface SequencePoint {
  readonly transfer: number;
  readonly offset: number;
}

/** The number under which the `count`-th transfer of a dump (from 1) appears in sequence numbers. */
export function transferNumber(count: number): number {
  return ((count - 1) % TRANSFERS) + 1;
}

/**
 * The opaque 64-bit sequence numbers of one dump: a keyed permutation of (transfer, offset), so that nobody can
 * mistake them for offsets or calculate with them, and firmware still finds its place without a table.
 */
export class SequenceCodec {
  readonly #keys: readonly number[];

  constructor(tag: bigint, incarnation: number) {
    const seed = mix32(mix32(Number(tag & 0xffff_ffffn), Number(tag >> 32n)), incarnation);
    this.#keys = Array.from({ length: ROUNDS }, (_, round) => mix32(seed, round + 1));
  }

  /** @param offset bytes, 0 .. 2^53 - 1. @returns never 0, which means "begin" */
  encode(transfer: number, offset: number): bigint {
    halves[0] = (transfer << OFFSET_HIGH_BITS) | highWord(offset);
    halves[1] = lowWord(offset);
    // What would come out as 0 goes round once more; decoding undoes that, since no transfer has number 0.
    do this.#permute();
    while (whole[0] === 0n);
    return whole[0] ?? 0n;
  }

  /** What `encode` was given, if this number can have come from it; whether it did, the caller has to judge. */
  decode(sequence: bigint): SequencePoint | undefined {
    if (sequence === 0n) return undefined;
    whole[0] = sequence;
    this.#unpermute();
    if (whole[0] === 0n) this.#unpermute();
    const [left = 0, right = 0] = halves;
    const transfer = left >>> OFFSET_HIGH_BITS;
    return transfer === 0 ? undefined : { transfer, offset: fromWords(left & OFFSET_HIGH_MASK, right) };
  }

  #permute(): void {
    let [left = 0, right = 0] = halves;
    for (const key of this.#keys) [left, right] = [right, (left ^ mix32(right, key)) >>> 0];
    halves[0] = left;
    halves[1] = right;
  }

  #unpermute(): void {
    let [left = 0, right = 0] = halves;
    for (let round = ROUNDS - 1; round >= 0; round -= 1)
      [left, right] = [(right ^ mix32(left, this.#keys[round] ?? 0)) >>> 0, left];
    halves[0] = left;
    halves[1] = right;
  }
}
