/** A well-stirred 32-bit number from two: deterministic, not cryptographic. */
export function mix32(value: number, key: number): number {
  let x = Math.imul(value ^ key, 0x9e3779b1);
  x = Math.imul(x ^ (x >>> 15), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

const TWO_32 = 2 ** 32;

/** Upper part of a byte position beyond 32 bits. */
export function highWord(position: number): number {
  return Math.floor(position / TWO_32);
}

/** Lower 32 bits of a byte position, unsigned. */
export function lowWord(position: number): number {
  return position >>> 0;
}

export function fromWords(high: number, low: number): number {
  return high * TWO_32 + low;
}
