import { expect, test } from 'vitest';
import type { DumpTag } from '../../src/base/tag.js';
import { dumpTag } from '../../src/base/tag.js';
import { Bare, sampleBytes } from '../support/bare.js';

const MIB = 1024 * 1024;
const READ_BYTES = 128 * 1024;

const tagOf = (index: number): DumpTag => dumpTag(0x2_0000_0001n + BigInt(index));

test.each(['papr', 'librtas'] as const)(
  'readers that paused in 40 dumps, discipline %s: each one goes on, in memory for four',
  async (discipline) => {
    await using bare = new Bare({ discipline, cacheSizeBytes: 8 * MIB });
    const bytes = sampleBytes(2 * MIB);
    const tags = Array.from({ length: 40 }, (_, index) => tagOf(index));
    for (const tag of tags) bare.put(tag, bytes);

    // Each reader goes on until firmware is kept ahead of it, and stays.
    const readers: number[] = [];
    for (const tag of tags) {
      const fh = await bare.open(tag);
      for (let at = 0; at < MIB; at += READ_BYTES) await bare.read(fh, at, READ_BYTES);
      readers.push(fh);
    }

    for (const fh of readers) {
      const more = await bare.read(fh, MIB, READ_BYTES);
      expect(more.equals(bytes.subarray(MIB, MIB + READ_BYTES))).toBe(true);
    }
  },
);
