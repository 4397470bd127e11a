import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader } from '../../../src/base/byte-reader.js';
import { ByteWriter } from '../../../src/base/byte-writer.js';

const BYTES = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);

describe('ByteReader', () => {
  test.each([
    { field: 'u8', little: 0x01, big: 0x01 },
    { field: 'u16', little: 0x0201, big: 0x0102 },
    { field: 'u32', little: 0x04030201, big: 0x01020304 },
    { field: 'u64', little: 0x0807060504030201n, big: 0x0102030405060708n },
  ] as const)('$field takes either byte order', ({ field, little, big }) => {
    expect(new ByteReader(BYTES, 'test', true)[field]()).toBe(little);
    expect(new ByteReader(BYTES, 'test', false)[field]()).toBe(big);
  });

  test.each(['u16', 'u32', 'i32', 'u64', 'u64AsNumber', 'u64Clamped'] as const)(
    '%s refuses to read past the end, and names the message',
    (field) => {
      expect(() => new ByteReader(BYTES.subarray(0, 1), 'header')[field]()).toThrow(
        /^header: \d bytes wanted at 0, 1 left/,
      );
    },
  );

  test('i32 is signed', () => {
    expect(new ByteReader(Uint8Array.from([0xfe, 0xff, 0xff, 0xff]), 'test', true).i32()).toBe(-2);
  });

  test.each([
    { value: 0n, number: 0 },
    { value: 2n ** 53n - 1n, number: Number.MAX_SAFE_INTEGER },
    { value: 2n ** 53n, number: undefined },
    { value: 2n ** 64n - 1n, number: undefined },
  ])('u64AsNumber and u64Clamped of $value', ({ value, number }) => {
    for (const littleEndian of [true, false]) {
      const bytes = new Uint8Array(8);
      new ByteWriter(bytes, littleEndian).u64(value);
      const reader = (): ByteReader => new ByteReader(bytes, 'test', littleEndian);
      if (number === undefined) expect(() => reader().u64AsNumber()).toThrow(RangeError);
      else expect(reader().u64AsNumber()).toBe(number);
      expect(reader().u64Clamped()).toBe(number ?? Number.MAX_SAFE_INTEGER);
    }
  });

  test('bytes and rest give views, not copies', () => {
    const reader = new ByteReader(BYTES);
    expect(reader.bytes(3).buffer).toBe(BYTES.buffer);
    expect([...reader.rest()]).toEqual([4, 5, 6, 7, 8]);
    expect(reader.remaining).toBe(0);
  });

  test('cString ends at NUL and needs one', () => {
    const reader = new ByteReader(Buffer.from('dump\0xy'), 'name');
    expect(reader.cString()).toBe('dump');
    expect(() => reader.cString()).toThrow('name: text without closing NUL');
  });

  test('end refuses leftovers', () => {
    const reader = new ByteReader(BYTES, 'body');
    reader.skip(6);
    expect(() => reader.end()).toThrow('body: 2 bytes too many');
    reader.skip(2);
    expect(() => reader.end()).not.toThrow();
  });

  test.each([-1, 9, NaN])('bytes(%d) is refused', (length) => {
    expect(() => new ByteReader(BYTES).bytes(length)).toThrow(RangeError);
  });

  test('a view into a larger buffer keeps to itself', () => {
    const reader = new ByteReader(BYTES.subarray(2, 4), 'view', true);
    expect(reader.u16()).toBe(0x0403);
    expect(() => reader.u8()).toThrow(RangeError);
  });
});

describe('ByteWriter', () => {
  test('what it writes, ByteReader reads', () => {
    const fields = fc.record({
      a: fc.integer({ min: 0, max: 0xffff }),
      b: fc.integer({ min: 0, max: 0xffff_ffff }),
      c: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      d: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      e: fc.maxSafeNat(),
      text: fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\0')),
    });
    fc.assert(
      fc.property(fields, fc.boolean(), ({ a, b, c, d, e, text }, littleEndian) => {
        const writer = new ByteWriter(new Uint8Array(256), littleEndian);
        writer.u16(a);
        writer.u32(b);
        writer.i32(c);
        writer.u64(d);
        writer.u64FromNumber(e);
        expect(writer.text(text)).toBe(Buffer.byteLength(text));
        writer.zeros(1);
        const reader = new ByteReader(writer.written, 'test', littleEndian);
        expect([reader.u16(), reader.u32(), reader.i32(), reader.u64()]).toEqual([a, b, c, d]);
        expect(reader.u64AsNumber()).toBe(e);
        expect(reader.cString()).toBe(text);
        reader.end();
      }),
    );
  });

  test('refuses what does not fit, and counts what does', () => {
    const writer = new ByteWriter(new Uint8Array(6));
    writer.u32(1);
    expect(writer.room).toBe(2);
    expect(() => writer.u32(1)).toThrow('no room for 4 bytes at 4 of 6');
    expect(() => writer.text('abc')).toThrow(RangeError);
    expect(writer.length).toBe(4);
  });

  test('reset starts over and zeros overwrites', () => {
    const writer = new ByteWriter(new Uint8Array(4).fill(0xff));
    writer.bytes(BYTES.subarray(0, 4));
    writer.reset(1);
    writer.zeros(2);
    expect([...writer.written]).toEqual([1, 0, 0]);
  });
});
