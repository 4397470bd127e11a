import { expect, test } from 'vitest';
import { Bare, errnoOf, sampleBytes, TAG } from '../support/bare.js';

const BYTES = sampleBytes(9 * 1024 * 1024);

/** A dump larger than the cache was read, and a reader waits for its beginning, which is on its way back from the spool. */
async function waiting(bare: Bare): Promise<{ fh: number; read: Promise<Buffer> }> {
  bare.put(TAG, BYTES);
  const fh = await bare.open(TAG);
  await bare.readAll(fh);
  return { fh, read: bare.read(fh, 0, 4096) };
}

function withSpool(): Bare {
  return new Bare({ discipline: 'papr', spool: true, cacheSizeBytes: 4 * 1024 * 1024 });
}

test.each(['gone', 'replaced'] as const)(
  'who waits for the spool while the dump is lost, %s, gets what was fetched',
  async (why) => {
    await using bare = withSpool();
    const { read } = await waiting(bare);
    bare.store.find(TAG)?.lose(why);
    expect(await read).toEqual(BYTES.subarray(0, 4096));
  },
);

test.each([
  { why: 'locked', errno: 'EPERM' },
  { why: 'not-authorized', errno: 'EPERM' },
  { why: 'mixed', errno: 'ESTALE' },
] as const)(
  'who waits for the spool while the dump is lost, $why, gets nothing: $errno',
  async ({ why, errno }) => {
    await using bare = withSpool();
    const { read } = await waiting(bare);
    bare.store.find(TAG)?.lose(why);
    expect(await errnoOf(() => read)).toBe(errno);
  },
);

test('a dump that is gone can still be read as far as it was fetched', async () => {
  await using bare = withSpool();
  const { fh, read } = await waiting(bare);
  bare.store.find(TAG)?.lose('gone');
  await read;
  expect((await bare.readAll(fh)).equals(BYTES)).toBe(true);
});
