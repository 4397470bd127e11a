import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { releaseBytes } from '../../../../src/dump/spool/release-bytes.js';
import { SpoolKey } from '../../../../src/dump/spool/spool-cipher.js';

const BLOCK_BYTES = 64 * 1024;
const MIB = 1024 * 1024;

test('releaseBytes takes the memory from its owner', () => {
  const bytes = new Uint8Array(10);
  releaseBytes(bytes);
  expect(bytes.byteLength).toBe(0);
});

test('releaseBytes leaves nothing to collect of what a key made', () => {
  const key = new SpoolKey();
  const block = randomBytes(BLOCK_BYTES);
  const before = process.memoryUsage().arrayBuffers;
  for (let count = 0; count < 200; count += 1) releaseBytes(key.seal(block, count * BLOCK_BYTES)!);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MIB);
});
