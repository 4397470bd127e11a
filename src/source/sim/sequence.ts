import { fromWords, highWord, lowWord, mix32 } from './mix.js';

/** Byte positions take 53 bits of a sequence number, the transfer's number the other 11. */
const OFFSET_HIGH_BITS = 21;
const OFFSET_HIGH_MASK = 2 ** OFFSET_HIGH_BITS - 1;
/** Transfers are numbered 1 .. 2047, then from 1 again. */
const TRANSFERS = 2047;

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
 * The opaque 64-bit sequence numbers of one dump: transfer and offset, stirred so that nobody can mistake them for offsets or
 * calculate with them, and firmware still finds its place without a table.
 */
export class SequenceCodec {
  readonly #key: number;

  constructor(tag: bigint, incarnation: number) {
    this.#key = mix32(mix32(Number(tag & 0xffff_ffffn), Number(tag >> 32n)), incarnation);
  }

  /** @param offset bytes, 0 .. 2^53 - 1. @returns never 0, which means "begin" */
  encode(transfer: number, offset: number): bigint {
    const left = ((transfer << OFFSET_HIGH_BITS) | highWord(offset)) >>> 0;
    const right = (lowWord(offset) ^ mix32(left, this.#key)) >>> 0;
    // As transfers are numbered from 1, `left` is not 0: it stands as it is where stirring would make it so.
    halves[0] = this.#stirred(left, right);
    halves[1] = right;
    return whole[0] ?? 0n;
  }

  /** What `encode` was given, if this number can have come from it; whether it did, the caller has to judge. */
  decode(sequence: bigint): SequencePoint | undefined {
    whole[0] = sequence;
    const [stirred = 0, right = 0] = halves;
    const left = this.#stirred(stirred, right);
    const transfer = left >>> OFFSET_HIGH_BITS;
    if (sequence === 0n || transfer === 0) return undefined;
    const low = (right ^ mix32(left, this.#key)) >>> 0;
    return { transfer, offset: fromWords(left & OFFSET_HIGH_MASK, low) };
  }

  /** Undoes itself. */
  #stirred(left: number, right: number): number {
    const noise = mix32(right, this.#key);
    return left === noise ? left : (left ^ noise) >>> 0;
  }
}
