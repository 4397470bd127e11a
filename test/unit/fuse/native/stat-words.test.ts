import { describe, expect, test } from 'vitest';
import type { Attributes } from '../../../../src/fs/index.js';
import { entryWords, statfsWords, statWords } from '../../../../src/fuse/native/stat-words.js';

const ATTRIBUTES: Attributes = {
  ino: 77,
  mode: 0o100400,
  nlink: 1,
  uid: 12,
  gid: 13,
  size: 5 * 2 ** 30 + 123,
  mtimeMs: 1_700_000_000_123.75,
  validMs: 0,
};

const pair = (words: Uint32Array, at: number): number => (words[at] ?? 0) + (words[at + 1] ?? 0) * 2 ** 32;

describe('statWords', () => {
  test('puts each field where the addon reads it', () => {
    const words = statWords(ATTRIBUTES);
    expect(words).toHaveLength(18);
    expect([...words.subarray(0, 3)]).toEqual([0o100400, 12, 13]);
    expect([...words.subarray(5, 10)]).toEqual([0, 1, 77, 0, 0]);
    expect(pair(words, 3)).toBe(ATTRIBUTES.size);
    expect(pair(words, 10)).toBe(Math.ceil(ATTRIBUTES.size / 512));
    for (const at of [12, 14, 16]) expect(pair(words, at)).toBe(1_700_000_000_123);
  });

  test.each([0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 60])('size %i', (size) => {
    expect(pair(statWords({ ...ATTRIBUTES, size }), 3)).toBe(size);
  });

  test('has no time before 1970', () => {
    expect(pair(statWords({ ...ATTRIBUTES, mtimeMs: -1 }), 14)).toBe(0);
  });
});

test.each([
  { isDirectory: true, type: 0o040000 },
  { isDirectory: false, type: 0o100000 },
])('entryWords: directory $isDirectory', ({ isDirectory, type }) => {
  expect([...entryWords(9, isDirectory)]).toEqual([
    type,
    0,
    0,
    0,
    0,
    0,
    0,
    9,
    ...new Array<number>(10).fill(0),
  ]);
});

describe('statfsWords', () => {
  test.each([
    { blocks: 10, expected: [4096, 4096, 10] },
    { blocks: 2 ** 32 - 1, expected: [4096, 4096, 2 ** 32 - 1] },
    { blocks: 2 ** 32 + 1, expected: [8192, 8192, 2 ** 31 + 1] },
    { blocks: 5 * 2 ** 34, expected: [131_072, 131_072, 5 * 2 ** 29] },
  ])('$blocks blocks of 4096 bytes', ({ blocks, expected }) => {
    const words = statfsWords({ blockSize: 4096, blocks, files: 3, nameMax: 255 });
    expect([...words.subarray(0, 3)]).toEqual(expected);
    expect([...words.subarray(3)]).toEqual([0, 0, 3, 0, 0, 0, 0, 255]);
  });
});
