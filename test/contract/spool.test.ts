import { describe, expect, test } from 'vitest';
import { Bare, sampleBytes, TAG } from '../support/bare.js';

const MIB = 1024 * 1024;

describe('spool', () => {
  test.each(['papr', 'librtas'] as const)(
    'discipline %s: reads in any order of a dump larger than the cache cost one pass of firmware calls',
    async (discipline) => {
      await using bare = new Bare({ discipline, spool: true, cacheSizeBytes: 4 * MIB });
      const bytes = sampleBytes(12 * MIB + 13);
      bare.put(TAG, bytes);
      const fh = await bare.open(TAG);
      for (let block = 0; block < 190; block += 1) {
        const at = ((block * 97) % 193) * 65_536;
        const part = await bare.read(fh, at, 65_536);
        expect(part.equals(bytes.subarray(at, at + 65_536)), `at ${at}`).toBe(true);
      }
      expect((await bare.readAll(fh)).equals(bytes)).toBe(true);
      expect(bare.calls().reduce((sum, call) => sum + call.bytes, 0)).toBe(bytes.length);
    },
  );

  test('sixteen readers, staggered, cost one pass', async () => {
    await using bare = new Bare({ discipline: 'papr', spool: true, cacheSizeBytes: 4 * MIB });
    const bytes = sampleBytes(8 * MIB);
    bare.put(TAG, bytes);
    const read = async (): Promise<boolean> => (await bare.readAll(await bare.open(TAG))).equals(bytes);
    const first = bare.read(await bare.open(TAG), 6 * MIB, 4096);
    const copies = await Promise.all([first.then(() => true), ...Array.from({ length: 16 }, read)]);
    expect(copies).not.toContain(false);
    expect(bare.calls().reduce((sum, call) => sum + call.bytes, 0)).toBe(bytes.length);
  });

  test('lockdown: nothing can be read from it any more', async () => {
    await using bare = new Bare({ discipline: 'papr', spool: true });
    bare.put(TAG, sampleBytes(MIB));
    const fh = await bare.open(TAG);
    await bare.readAll(fh);
    bare.gate.raise();
    await expect(bare.read(fh, 0, 10)).rejects.toMatchObject({ code: 'EPERM' });
  });
});
