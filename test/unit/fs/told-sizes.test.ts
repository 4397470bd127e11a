import { describe, expect, test } from 'vitest';
import { SETTLE_MS, ToldSizes } from '../../../src/fs/told-sizes.js';

const READER = 1;
const OTHER = 2;
const NOBODY_KNOWS = 0;
const [END, TOO_BIG] = [5000, 9000];

/** One inode, at a time that a test sets. */
function bench(): { told: ToldSizes; at: (ms: number) => void } {
  let now = 0;
  return { told: new ToldSizes(() => now), at: (ms) => (now = ms) };
}

describe('ToldSizes: the end at 5000 may be shown', () => {
  test('when nothing was told, or long ago', () => {
    const { told, at } = bench();
    expect(told.settlesIn(told.arrival(READER), 4096, END)).toBeUndefined();
    told.tell(TOO_BIG, OTHER);
    at(SETTLE_MS);
    expect(told.settlesIn(told.arrival(READER), 4096, END)).toBeUndefined();
  });

  test('to a thread that was told a wrong size before it asked', () => {
    const { told } = bench();
    told.tell(TOO_BIG, READER);
    expect(told.settlesIn(told.arrival(READER), 4096, END)).toBeUndefined();
  });

  test('while others are told the true size, or a smaller one', () => {
    const { told } = bench();
    const read = told.arrival(READER);
    told.tell(END, OTHER);
    told.tell(END - 1, OTHER);
    expect(told.settlesIn(read, 4096, END)).toBeUndefined();
  });

  test('beside another answer that shows it', () => {
    const { told } = bench();
    const read = told.arrival(READER);
    told.tell(END, OTHER, true);
    expect(told.settlesIn(read, 4096, END)).toBeUndefined();
  });
});

describe('ToldSizes: the end at 5000 may not be shown yet', () => {
  test.each([
    { what: 'another thread', tid: OTHER, readBy: READER },
    { what: 'a thread that is not known', tid: NOBODY_KNOWS, readBy: NOBODY_KNOWS },
  ])('while $what may be taking in a wrong size', ({ tid, readBy }) => {
    const { told, at } = bench();
    told.tell(TOO_BIG, tid);
    at(300);
    const read = told.arrival(readBy);
    at(400);
    expect(told.settlesIn(read, 4096, END)).toBe(SETTLE_MS - 400);
    at(5000);
    expect(told.settlesIn(read, 4096, END), 'it was when the kernel asked').toBe(0);
  });

  test.each([
    { what: 'another thread', tid: OTHER },
    { what: 'the same thread', tid: READER },
  ])('when $what was told a wrong size since, however long ago', ({ tid }) => {
    const { told, at } = bench();
    const read = told.arrival(READER);
    told.tell(TOO_BIG, tid);
    at(60_000);
    expect(told.settlesIn(read, 4096, END)).toBe(0);
  });

  test('from behind the end, while another answer shows the true one', () => {
    const { told } = bench();
    const read = told.arrival(READER);
    told.tell(END, OTHER, true);
    expect(told.settlesIn(read, 8192, END)).toBe(SETTLE_MS);
    expect(told.settlesIn(read, 4096, END)).toBeUndefined();
  });

  test('however many look at the dump meanwhile', () => {
    const { told, at } = bench();
    const read = told.arrival(READER);
    told.tell(TOO_BIG, OTHER);
    for (let tid = 10; tid < 100; tid += 1) told.tell(END, tid);
    at(10);
    expect(told.settlesIn(read, 4096, END)).toBeDefined();
  });
});
