import { describe, expect, test } from 'vitest';
import type { ValueParser } from '../../../src/base/option-values.js';
import {
  oneOf,
  path,
  permissionMask,
  seconds,
  size,
  tagMaybeSize,
  tagWithSize,
  userOrGroupId,
  wholeNumber,
} from '../../../src/base/option-values.js';

const MIB = 1024 ** 2;

describe('value parsers accept', () => {
  test.each<{ parse: ValueParser<unknown>; text: string; value: unknown }>([
    { parse: oneOf('a', 'b'), text: 'b', value: 'b' },
    { parse: size(8 * MIB), text: '8MiB', value: 8 * MIB },
    { parse: size(8 * MIB), text: '8388608', value: 8 * MIB },
    { parse: size(0), text: '3g', value: 3 * 1024 ** 3 },
    { parse: wholeNumber(10), text: '0', value: 0 },
    { parse: wholeNumber(10), text: '010', value: 10 },
    { parse: userOrGroupId, text: '4294967294', value: 4294967294 },
    { parse: seconds(3600), text: '5', value: 5000 },
    { parse: seconds(3600), text: '0.25', value: 250 },
    { parse: seconds(3600), text: '0', value: 0 },
    { parse: permissionMask, text: '0277', value: 0o277 },
    { parse: permissionMask, text: '22', value: 0o22 },
    { parse: permissionMask, text: '0', value: 0 },
    { parse: path, text: '/a/../b', value: '/b' },
    { parse: path, text: 'x', value: `${process.cwd()}/x` },
    { parse: tagMaybeSize, text: '200000001', value: { tag: 0x200000001n } },
    { parse: tagMaybeSize, text: '0X0000000200000001', value: { tag: 0x200000001n } },
    {
      parse: tagMaybeSize,
      text: 'FFFFFFFFFFFFFFFF:3GiB',
      value: { tag: 2n ** 64n - 1n, size: 3 * 1024 ** 3 },
    },
    { parse: tagWithSize, text: '0x1:5G', value: { tag: 1n, size: 5 * 1024 ** 3 } },
    { parse: tagWithSize, text: '1:0', value: { tag: 1n, size: 0 } },
  ])('$text', ({ parse, text, value }) => {
    expect(parse(text)).toEqual(value);
  });
});

describe('value parsers refuse, saying what was expected', () => {
  test.each<{ parse: ValueParser<unknown>; text: string; message: string }>([
    { parse: oneOf('a', 'b'), text: 'c', message: 'expected a, b, got "c"' },
    { parse: oneOf('a', 'b'), text: '', message: 'got ""' },
    { parse: size(8 * MIB), text: '8388607', message: 'expected at least 8.0 MiB, got "8388607"' },
    { parse: size(0), text: '1.5M', message: 'expected a size such as 64MiB, got "1.5M"' },
    { parse: size(0), text: '-1', message: 'got "-1"' },
    { parse: size(0), text: '9007199254740992', message: 'expected a size' },
    { parse: wholeNumber(10), text: '11', message: 'expected a whole number from 0 to 10, got "11"' },
    { parse: wholeNumber(10), text: '1e1', message: 'got "1e1"' },
    { parse: wholeNumber(10), text: '', message: 'got ""' },
    { parse: userOrGroupId, text: '4294967295', message: 'whole number from 0 to 4294967294' },
    { parse: userOrGroupId, text: 'root', message: 'got "root"' },
    { parse: seconds(3600), text: '3601', message: 'expected seconds from 0 to 3600' },
    { parse: seconds(3600), text: '5s', message: 'got "5s"' },
    { parse: permissionMask, text: '0288', message: 'expected an octal mask such as 0277, got "0288"' },
    { parse: permissionMask, text: '01777', message: 'octal mask' },
    { parse: path, text: '', message: 'expected a path' },
    { parse: tagMaybeSize, text: '0xg', message: 'expected a dump tag of up to 16 hex digits' },
    { parse: tagMaybeSize, text: '', message: 'dump tag' },
    { parse: tagMaybeSize, text: '12345678901234567', message: 'got "12345678901234567"' },
    { parse: tagMaybeSize, text: '1:', message: 'expected a size such as 3GiB behind the colon' },
    { parse: tagMaybeSize, text: '1:2:3', message: 'dump tag' },
    { parse: tagWithSize, text: '1', message: 'expected TAG:SIZE' },
    { parse: tagWithSize, text: '1:many', message: 'behind the colon, got "1:many"' },
  ])('$text', ({ parse, text, message }) => {
    expect(() => parse(text)).toThrow(message);
  });
});
