import { randomFillSync } from 'node:crypto';

const KEY_BYTES = 32;

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

  overwrite(): void {
    Atomics.store(this.#dead, 0, 1);
    this.#bytes.fill(0);
  }

  /** Lends the key out for the time of one call. @returns false, and does not call, once the key is overwritten */
  use(work: (key: Uint8Array) => void): boolean {
    const key = Uint8Array.from(this.#bytes);
    try {
      // The copy is good if the key was not dead after it was taken: death is announced before the overwriting.
      if (Atomics.load(this.#dead, 0) !== 0) return false;
      work(key);
      return true;
    } finally {
      key.fill(0);
    }
  }
}
