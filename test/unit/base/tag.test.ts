import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dumpTag, dumpType, parseTag, tagFromName, tagName } from '../../../src/base/tag.js';

const MAX = 2n ** 64n - 1n;
const anyTag = fc.bigInt({ min: 0n, max: MAX }).map(dumpTag);

describe('dumpTag', () => {
  test.each([0n, 1n, 0x8000_0000n, 0xff_ffff_ffffn, 2n ** 63n, MAX])('accepts %d', (value) => {
    expect(dumpTag(value)).toBe(value);
  });

  test.each([
    { value: -1n, shown: '-1' },
    { value: MAX + 1n, shown: '10000000000000000' },
  ])('refuses $value and names it', ({ value, shown }) => {
    expect(() => dumpTag(value)).toThrow(new RangeError(`dump tag ${shown} is not a 64-bit value`));
  });
});

test.each([
  { tag: 0n, name: '0x0000000000000000' },
  { tag: 0x2_0000_0001n, name: '0x0000000200000001' },
  { tag: 0xff_ffff_ffffn, name: '0x000000ffffffffff' },
  { tag: 0x1_8000_0000n, name: '0x0000000180000000' },
  { tag: MAX, name: '0xffffffffffffffff' },
])('tagName($tag) is $name', ({ tag, name }) => {
  expect(tagName(dumpTag(tag))).toBe(name);
});

describe('tagFromName', () => {
  test('reads back every name that tagName writes', () => {
    fc.assert(fc.property(anyTag, (tag) => tagFromName(tagName(tag)) === tag));
  });

  test('reads no other spelling', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^(0[xX])?[0-9a-fA-F]{0,18}\n?$/), (text) => {
        const tag = tagFromName(text);
        expect(tag === undefined || tagName(tag) === text).toBe(true);
      }),
    );
  });

  test.each([
    '',
    '.',
    '..',
    '0x',
    '0x200000001',
    '0X0000000200000001',
    '0x00000002000000AB',
    '0000000200000001',
    '0x00000000200000001',
    '0x0000000200000001\n',
    ' 0x0000000200000001',
    '0x0000000200000001.invalidated',
    '0x000000020000000g',
  ])('%j names no dump', (name) => {
    expect(tagFromName(name)).toBeUndefined();
  });
});

describe('parseTag', () => {
  test('reads every spelling of a tag', () => {
    const prefix = fc.constantFrom('', '0x', '0X');
    fc.assert(
      fc.property(anyTag, prefix, fc.boolean(), fc.boolean(), (tag, start, isUpper, isPadded) => {
        const digits = tag.toString(16).padStart(isPadded ? 16 : 1, '0');
        expect(parseTag(start + (isUpper ? digits.toUpperCase() : digits))).toBe(tag);
      }),
    );
  });

  test('takes digits for hexadecimal, never for decimal', () => {
    expect(parseTag('10')).toBe(16n);
  });

  test.each([
    '',
    '0x',
    'x1',
    '0x0x1',
    '-1',
    '+1',
    '1n',
    '1_0',
    ' 1',
    '1\n',
    '0xg',
    '1.0',
    '12345678901234567',
  ])('refuses %j', (text) => {
    expect(parseTag(text)).toBeUndefined();
  });
});

test.each([
  { tag: 0x1_0000_0001n, type: 'fsp' },
  { tag: 0x2_ffff_ffffn, type: 'platform' },
  { tag: 0x3_8000_0000n, type: 'sma' },
  { tag: 0x4_0000_0000n, type: 'power' },
  { tag: 0x5_0000_0001n, type: 'log' },
  { tag: 0x6_0000_0001n, type: 'partition' },
  { tag: 0x7_0000_0001n, type: 'resource' },
  { tag: 0x0_0000_0001n, type: 'type-0x0' },
  { tag: 0xff_ffff_ffffn, type: 'type-0xff' },
  { tag: 0x102_0000_0001n, type: 'type-0x102' },
  { tag: MAX, type: 'type-0xffffffff' },
])('dumpType($tag) is $type', ({ tag, type }) => {
  expect(dumpType(dumpTag(tag))).toBe(type);
});
