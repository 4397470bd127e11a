import { createCipheriv, randomFillSync } from 'node:crypto';

const KEY_BYTES = 32;
const CIPHER_BLOCK_BYTES = 16;

/**
 * The key of one dump's spool file. It exists in this shared memory only, so overwriting it makes the file worthless,
 * whatever the disk keeps of it.
 */
export class SpoolKey {
  readonly buffer: SharedArrayBuffer;
  readonly #bytes: Uint8Array;
  /** Set before the key is overwritten: nothing may be encrypted with what stands there afterwards. */
  readonly #dead: Int32Array;

  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(KEY_BYTES + Int32Array.BYTES_PER_ELEMENT);
    this.#bytes = new Uint8Array(this.buffer, 0, KEY_BYTES);
    this.#dead = new Int32Array(this.buffer, KEY_BYTES, 1);
    if (buffer === undefined) randomFillSync(this.#bytes);
  }

  get isDead(): boolean {
    return Atomics.load(this.#dead, 0) !== 0;
  }

  overwrite(): void {
    Atomics.store(this.#dead, 0, 1);
    this.#bytes.fill(0);
  }

  /**
   * Encrypts or decrypts bytes that stand at `offset` of the dump: AES-256 in counter mode, the counter is the offset
   * in 16-byte units. A dump's bytes never change, so no counter value is ever used for two plain texts.
   *
   * @returns undefined once the key is overwritten
   */
  apply(bytes: Uint8Array, offset: number): Uint8Array<ArrayBuffer> | undefined {
    const key = Uint8Array.from(this.#bytes);
    try {
      // The copy is good if the key was not dead after it was taken: death is announced before the overwriting.
      if (this.isDead) return undefined;
      const counter = Buffer.alloc(CIPHER_BLOCK_BYTES);
      counter.writeBigUInt64BE(BigInt(offset / CIPHER_BLOCK_BYTES), 8);
      return createCipheriv('aes-256-ctr', key, counter).update(bytes);
    } finally {
      key.fill(0);
    }
  }
}
