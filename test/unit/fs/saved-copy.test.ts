import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { countSavedCopy } from '../../../src/fs/index.js';
import { Bare, context, errnoOf, sampleBytes, TAG } from '../../support/bare.js';

const SIZE = 10_000;

test('a copy counts for the incarnation that was read, until the tag comes back', async () => {
  await using bare = new Bare({ unlinkPolicy: 'saved' });
  bare.put(TAG, sampleBytes(SIZE));
  const copyOf = (ino: number): { ino: number; bytes: number; sha256: string } => ({
    ino,
    bytes: SIZE,
    sha256: createHash('sha256').update(sampleBytes(SIZE)).digest('hex'),
  });
  const ino = await bare.lookup(TAG);
  const fh = bare.fs.open(ino, 0, context());
  const dump = bare.store.find(TAG)!;
  expect(countSavedCopy(dump, copyOf(ino))).toContain('not every byte');
  await bare.readAll(fh);
  expect(countSavedCopy(dump, copyOf(ino + 1))).toContain('another dump');
  expect(countSavedCopy(dump, { ...copyOf(ino), bytes: SIZE + 1 })).toContain(`${SIZE + 1} bytes`);
  expect(countSavedCopy(dump, { ...copyOf(ino), sha256: '0' })).toContain('not what firmware delivered');
  bare.fs.release(fh);
  expect(await errnoOf(() => bare.unlink(TAG))).toBe('EBUSY');
  expect(countSavedCopy(dump, copyOf(ino))).toBeUndefined();
  await bare.unlink(TAG);
  expect(dump.isSaved).toBe(false);
});
