/**
 * AES-256 in counter mode over blocks that lie one behind the other in a dump; the counter is the offset in units of 16
 * bytes. A dump's bytes never change, so no counter value is ever used for two plain texts.
 */
export interface CounterMode {
  /** Encrypts `blocks`, which begin at `offset` of the dump, to the beginning of `into`. */
  seal(key: Uint8Array, offset: number, blocks: readonly Uint8Array[], into: Uint8Array): void;
  /** Decrypts in place what `seal` has made, and leaves nothing of it anywhere else. */
  unseal(key: Uint8Array, offset: number, blocks: readonly Uint8Array[]): void;
}

const CIPHER_BLOCK_BYTES = 16;

/** @param offset a multiple of 16 */
export function counterAt(offset: number): Uint8Array {
  const counter = Buffer.alloc(CIPHER_BLOCK_BYTES);
  counter.writeBigUInt64BE(BigInt(offset / CIPHER_BLOCK_BYTES), 8);
  return counter;
}
