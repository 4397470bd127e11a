import { createCipheriv, randomFillSync } from 'node:crypto';
import { BLOCK_BYTES } from '../arena.js';
import { releaseBytes } from './release-bytes.js';

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
   * Encrypts bytes that stand at `offset` of the dump: AES-256 in counter mode, the counter is the offset in 16-byte
   * units. A dump's bytes never change, so no counter value is ever used for two plain texts.
   *
   * @returns undefined once the key is overwritten
   */
  seal(bytes: Uint8Array, offset: number): Uint8Array<ArrayBuffer> | undefined {
    const key = Uint8Array.from(this.#bytes);
    try {
      // The copy is good if the key was not dead after it was taken: death is announced before the overwriting.
      if (this.isDead) return undefined;
      const counter = Buffer.alloc(CIPHER_BLOCK_BYTES);
      counter.writeBigUInt64BE(BigInt(offset / CIPHER_BLOCK_BYTES), 8);
      const cipher = createCipheriv('aes-256-ctr', key, counter);
      const sealed = cipher.update(bytes);
      // Frees OpenSSL's copy of the key, overwritten, now and not when the collector finds it.
      cipher.final();
      return sealed;
    } finally {
      key.fill(0);
    }
  }

  /**
   * Decrypts in place what `seal` has made. OpenSSL gets zeros and gives the key stream: Node copies its answer once
   * more and frees the first copy as it is, which must not be dump content.
   *
   * @param bytes at most `BLOCK_BYTES`, at a multiple of four in their buffer
   * @returns false once the key is overwritten
   */
  unseal(bytes: Uint8Array, offset: number): boolean {
    const stream = this.seal(ZEROS.subarray(0, bytes.length), offset);
    if (stream === undefined) return false;
    combine(bytes, stream);
    stream.fill(0);
    releaseBytes(stream);
    return true;
  }
}

const ZEROS = new Uint8Array(BLOCK_BYTES);
const WORD_BYTES = Uint32Array.BYTES_PER_ELEMENT;

/** Exclusive or, into the first. */
function combine(into: Uint8Array, other: Uint8Array): void {
  const words = Math.floor(into.length / WORD_BYTES);
  const [target, source] = [into, other].map(
    ({ buffer, byteOffset }) => new Uint32Array(buffer, byteOffset, words),
  ) as [Uint32Array, Uint32Array];
  for (let at = 0; at < words; at += 1) target[at] = (target[at] ?? 0) ^ (source[at] ?? 0);
  for (let at = words * WORD_BYTES; at < into.length; at += 1) into[at] = (into[at] ?? 0) ^ (other[at] ?? 0);
}
