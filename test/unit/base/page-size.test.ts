import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../../src/base/byte-writer.js';
import { pageSize, parsePageSize } from '../../../src/base/page-size.js';

const WORDS = [33, 0x7fff_0000, 6, 65_536, 16, 1, 0, 0];

describe('page size', () => {
  test('pageSize is what getconf says', () => {
    expect(pageSize()).toBe(Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' })));
  });

  test.each([
    { wordBytes: 8, littleEndian: true },
    { wordBytes: 8, littleEndian: false },
    { wordBytes: 4, littleEndian: true },
    { wordBytes: 4, littleEndian: false },
  ] as const)(
    'parsePageSize finds AT_PAGESZ in $wordBytes byte words, little endian $littleEndian',
    (row) => {
      expect(parsePageSize(vector(WORDS, row), row.wordBytes, row.littleEndian)).toBe(65_536);
    },
  );

  test.each([
    { name: 'nothing', words: [] },
    { name: 'an end before it', words: [0, 0, 6, 4096] },
    { name: 'a key without value', words: [6] },
  ])('parsePageSize finds nothing in $name', ({ words }) => {
    const row = { wordBytes: 8, littleEndian: true } as const;
    expect(parsePageSize(vector(words, row), 8, true)).toBeUndefined();
  });
});

function vector(words: readonly number[], row: { wordBytes: 4 | 8; littleEndian: boolean }): Uint8Array {
  const writer = new ByteWriter(new Uint8Array(words.length * row.wordBytes), row.littleEndian);
  for (const word of words) {
    if (row.wordBytes === 8) writer.u64FromNumber(word);
    else writer.u32(word);
  }
  return writer.written;
}
