import { constants } from 'node:fs';
import { expect, test } from 'vitest';
import { mayBeReadAhead } from '../../../../src/fuse/kernel/first-read-ahead.js';

const PAGES = [4096, 65_536];
const range = { fh: 1, offset: 0, openFlags: constants.O_RDONLY };

test.each(PAGES)('a READ of 2 to 4 pages of %i bytes at the beginning may be read-ahead', (pageBytes) => {
  const pages = [1, 2, 3, 4, 5, 8, 256].filter((count) =>
    mayBeReadAhead({ ...range, size: count * pageBytes }, pageBytes),
  );
  expect(pages).toEqual([2, 3, 4]);
});

test.each(PAGES)('one further behind is not: with pages of %i bytes', (pageBytes) => {
  expect(mayBeReadAhead({ ...range, offset: pageBytes, size: 4 * pageBytes }, pageBytes)).toBe(false);
});

test.each(PAGES)('nor one past the page cache: with pages of %i bytes', (pageBytes) => {
  const openFlags = constants.O_RDONLY | constants.O_DIRECT;
  expect(mayBeReadAhead({ ...range, openFlags, size: 4 * pageBytes }, pageBytes)).toBe(false);
});
