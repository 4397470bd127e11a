import { constants } from 'node:fs';
import { expect, test } from 'vitest';
import { mayBeReadAhead } from '../../../../src/fuse/kernel/first-read-ahead.js';

const PAGES = [
  { pageBytes: 4096, ahead: 4 },
  { pageBytes: 16_384, ahead: 4 },
  { pageBytes: 65_536, ahead: 2 },
];
const range = { fh: 1, offset: 0, openFlags: constants.O_RDONLY };

test.each(PAGES)(
  'a READ of $ahead pages of $pageBytes bytes at the beginning may be read-ahead',
  ({ pageBytes, ahead }) => {
    const pages = [1, 2, 3, 4, 5, 8, 256].filter((count) =>
      mayBeReadAhead({ ...range, size: count * pageBytes }, pageBytes),
    );
    expect(pages).toEqual([ahead]);
  },
);

test.each(PAGES)('one further behind is not: with pages of $pageBytes bytes', ({ pageBytes, ahead }) => {
  expect(mayBeReadAhead({ ...range, offset: pageBytes, size: ahead * pageBytes }, pageBytes)).toBe(false);
});

test.each(PAGES)('nor one past the page cache: with pages of $pageBytes bytes', ({ pageBytes, ahead }) => {
  const openFlags = constants.O_RDONLY | constants.O_DIRECT;
  expect(mayBeReadAhead({ ...range, openFlags, size: ahead * pageBytes }, pageBytes)).toBe(false);
});
