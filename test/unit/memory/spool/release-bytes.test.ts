import { createCipheriv, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { releaseBytes } from '../../../../src/memory/spool/counter-mode.js';

const BLOCK_BYTES = 64 * 1024;
const MIB = 1024 * 1024;

test('releaseBytes takes the memory from its owner', () => {
  const bytes = new Uint8Array(10);
  releaseBytes(bytes);
  expect(bytes.byteLength).toBe(0);
});

test('releaseBytes leaves nothing to collect of what a cipher made', () => {
  const cipher = createCipheriv('aes-256-ctr', randomBytes(32), randomBytes(16));
  const block = randomBytes(BLOCK_BYTES);
  const before = process.memoryUsage().arrayBuffers;
  for (let count = 0; count < 200; count += 1) releaseBytes(cipher.update(block));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MIB);
});
