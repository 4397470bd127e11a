import { createDecipheriv, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { BLOCK_BYTES } from '../../../../src/memory/arena.js';
import { seal, unseal } from '../../../../src/memory/spool/counter-mode.js';

/** Bytes in shared memory, as in the arena. */
function shared(bytes: Uint8Array): Uint8Array {
  const view = new Uint8Array(new SharedArrayBuffer(BLOCK_BYTES), 0, bytes.length);
  view.set(bytes);
  return view;
}

const KEY = randomBytes(32);

describe('seal and unseal', () => {
  test.each([1, 3, 4, 15, 16, 4097, BLOCK_BYTES - 1, BLOCK_BYTES])(
    'what is sealed in %d bytes is unsealed in place',
    (length) => {
      const plain = randomBytes(length);
      const sealed = new Uint8Array(length);
      seal(KEY, 7 * BLOCK_BYTES, [shared(plain)], sealed);
      if (length > 15) expect(Buffer.from(sealed)).not.toEqual(plain);
      const block = shared(sealed);
      unseal(KEY, 7 * BLOCK_BYTES, [block]);
      expect(Buffer.from(block)).toEqual(plain);
    },
  );

  test('is AES-256 in counter mode, the counter being the offset', () => {
    const plain = randomBytes(100);
    const sealed = new Uint8Array(100);
    seal(KEY, 3 * BLOCK_BYTES, [plain], sealed);
    const counter = Buffer.alloc(16);
    counter.writeUInt32BE((3 * BLOCK_BYTES) / 16, 12);
    expect(createDecipheriv('aes-256-ctr', KEY, counter).update(sealed)).toEqual(plain);
  });

  test('blocks of a run are sealed one behind the other, and unsealed alone as well', () => {
    const blocks = [randomBytes(BLOCK_BYTES), randomBytes(BLOCK_BYTES), randomBytes(77)];
    const sealed = new Uint8Array(3 * BLOCK_BYTES).fill(0xee);
    const offset = 5 * 1024 ** 4;
    seal(KEY, offset, blocks.map(shared), sealed);
    const length = 2 * BLOCK_BYTES + 77;
    expect([...new Set(sealed.subarray(length))]).toEqual([0xee]);
    const parts = [0, 1, 2].map((at) =>
      shared(sealed.subarray(at * BLOCK_BYTES, Math.min(length, (at + 1) * BLOCK_BYTES))),
    );
    const [first, ...rest] = parts;
    unseal(KEY, offset, [first!]);
    unseal(KEY, offset + BLOCK_BYTES, rest);
    expect(parts.map((part) => Buffer.from(part))).toEqual(blocks);
  });
});

test('with a dump that is longer than 64 GiB no two blocks get the same key stream', () => {
  const zeros = new Uint8Array(64);
  const streams = [0, 2 ** 32, 2 ** 36, 2 ** 40].map((offset) => {
    const stream = new Uint8Array(64);
    seal(KEY, offset, [zeros], stream);
    return Buffer.from(stream).toString('hex');
  });
  expect(new Set(streams).size).toBe(streams.length);
});
