import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatSize, parseSize } from '../../../src/base/size.js';

const KIB = 1024;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

describe('parseSize', () => {
  test.each([
    { text: '0', bytes: 0 },
    { text: '17', bytes: 17 },
    { text: '010', bytes: 10 },
    { text: '1K', bytes: KIB },
    { text: '1KiB', bytes: KIB },
    { text: '64MiB', bytes: 64 * MIB },
    { text: '64m', bytes: 64 * MIB },
    { text: '3GiB', bytes: 3 * GIB },
    { text: '3g', bytes: 3 * GIB },
    { text: '4294967296', bytes: 2 ** 32 },
    { text: '9007199254740991', bytes: Number.MAX_SAFE_INTEGER },
  ])('$text is $bytes', ({ text, bytes }) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each([
    '',
    'K',
    '-1',
    '+1',
    '1.5M',
    '1e3',
    '0x10',
    '1 K',
    ' 1',
    '1K ',
    '1\n',
    '1T',
    '1KB',
    '1KiBs',
    '9007199254740992',
    '8388608GiB',
  ])('refuses %j', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });

  test('multiplies by the unit exactly, or refuses', () => {
    const unit = fc.constantFrom(['', 1], ['K', KIB], ['MiB', MIB], ['gib', GIB] as const);
    fc.assert(
      fc.property(fc.maxSafeNat(), unit, (count, [suffix, factor]) => {
        const exact = BigInt(count) * BigInt(factor);
        const expected = exact <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(exact) : undefined;
        expect(parseSize(`${count}${suffix}`)).toBe(expected);
      }),
    );
  });
});

describe('formatSize', () => {
  test.each([
    { bytes: 0, text: '0 B' },
    { bytes: 1023, text: '1023 B' },
    { bytes: KIB, text: '1.0 KiB' },
    { bytes: 1536, text: '1.5 KiB' },
    { bytes: MIB - 1, text: '1.0 MiB' },
    { bytes: 5_182_368, text: '4.9 MiB' },
    { bytes: 3 * GIB, text: '3.0 GiB' },
    { bytes: GIB * KIB, text: '1.0 TiB' },
    { bytes: 5000 * GIB * KIB, text: '5000.0 TiB' },
  ])('$bytes is $text', ({ bytes, text }) => {
    expect(formatSize(bytes)).toBe(text);
  });

  test('stays within a twentieth of the bytes that it shows', () => {
    const factors = new Map([
      ['B', 1],
      ['KiB', KIB],
      ['MiB', MIB],
      ['GiB', GIB],
      ['TiB', GIB * KIB],
    ]);
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        const [value, unit] = formatSize(bytes).split(' ') as [string, string];
        expect(Math.abs(Number(value) * factors.get(unit)! - bytes)).toBeLessThanOrEqual(bytes / 20);
        expect(Number(value) < 1024 || unit === 'TiB').toBe(true);
      }),
    );
  });
});
