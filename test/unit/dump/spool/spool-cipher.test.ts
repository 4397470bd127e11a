import { createDecipheriv, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { BLOCK_BYTES } from '../../../../src/dump/arena.js';
import { SpoolKey } from '../../../../src/dump/spool/spool-cipher.js';

/** Bytes in shared memory, as in the arena. */
function shared(bytes: Uint8Array): Uint8Array {
  const view = new Uint8Array(new SharedArrayBuffer(BLOCK_BYTES), 0, bytes.length);
  view.set(bytes);
  return view;
}

test.each([1, 3, 4, 15, 16, 4097, BLOCK_BYTES - 1, BLOCK_BYTES])(
  'what is sealed in %d bytes is unsealed in place, by the same key in another thread too',
  (length) => {
    const key = new SpoolKey();
    const plain = randomBytes(length);
    const sealed = key.seal(plain, 7 * BLOCK_BYTES);
    if (length > 15) expect(Buffer.from(sealed!)).not.toEqual(plain);
    const block = shared(sealed!);
    expect(new SpoolKey(key.buffer).unseal(block, 7 * BLOCK_BYTES)).toBe(true);
    expect(Buffer.from(block)).toEqual(plain);
  },
);

test('seal is AES-256 in counter mode, the counter being the offset', () => {
  const key = new SpoolKey();
  const plain = randomBytes(100);
  const counter = Buffer.alloc(16);
  counter.writeUInt32BE((3 * BLOCK_BYTES) / 16, 12);
  const decipher = createDecipheriv('aes-256-ctr', new Uint8Array(key.buffer, 0, 32).slice(), counter);
  expect(decipher.update(key.seal(plain, 3 * BLOCK_BYTES)!)).toEqual(plain);
});

test('an overwritten key is all zeros, seals nothing and unseals nothing', () => {
  const key = new SpoolKey();
  const block = shared(key.seal(randomBytes(64), 0)!);
  const sealed = Buffer.from(block);
  key.overwrite();
  expect([...new Set(new Uint8Array(key.buffer, 0, 32))]).toEqual([0]);
  expect(key.seal(block, 0)).toBeUndefined();
  expect(key.unseal(block, 0)).toBe(false);
  expect(Buffer.from(block)).toEqual(sealed);
});
