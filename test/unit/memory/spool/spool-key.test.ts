import { expect, test } from 'vitest';
import { SpoolKey } from '../../../../src/memory/spool/spool-key.js';

test('a key is the same in another thread, random, and lent out as a copy that is overwritten', () => {
  const key = new SpoolKey();
  let lent: Uint8Array | undefined;
  let seen = '';
  expect(
    new SpoolKey(key.buffer).use((bytes) => {
      lent = bytes;
      seen = Buffer.from(bytes).toString('hex');
    }),
  ).toBe(true);
  expect(seen).toBe(Buffer.from(new Uint8Array(key.buffer, 0, 32)).toString('hex'));
  expect([...new Set(lent)]).toEqual([0]);
  expect(seen).not.toBe(Buffer.from(new Uint8Array(new SpoolKey().buffer, 0, 32)).toString('hex'));
});

test('the copy is overwritten even when the work fails', () => {
  let lent: Uint8Array | undefined;
  expect(() =>
    new SpoolKey().use((bytes) => {
      lent = bytes;
      throw new Error('no luck');
    }),
  ).toThrow('no luck');
  expect([...new Set(lent)]).toEqual([0]);
});

test('an overwritten key is all zeros, and is not lent out any more', () => {
  const key = new SpoolKey();
  key.overwrite();
  expect([...new Set(new Uint8Array(key.buffer, 0, 32))]).toEqual([0]);
  let called = false;
  expect(new SpoolKey(key.buffer).use(() => (called = true))).toBe(false);
  expect(called).toBe(false);
});
