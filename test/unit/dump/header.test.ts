import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DirectoryReading } from '../../../src/dump/header.js';
import { readDirectory } from '../../../src/dump/header.js';
import type { DirectoryPlan, SectionPlan } from './support/directory-bytes.js';
import { directoryBytes } from './support/directory-bytes.js';

const NAME = 'SYSDUMP.10665FT.00000003.20140513071107';
const ONE_SECTION: readonly SectionPlan[] = [{ dataBytes: 1000n }];

function read(plan: Partial<DirectoryPlan>): DirectoryReading {
  return readDirectory(directoryBytes({ name: NAME, sections: ONE_SECTION, ...plan }));
}

function nameOf(plan: Partial<DirectoryPlan>): string | undefined {
  const reading = read(plan);
  expect(reading.kind).toBe('directory');
  return reading.kind === 'directory' ? reading.directory.name : 'no directory';
}

describe('readDirectory, a valid directory', () => {
  const section = fc.record({
    dataBytes: fc.bigInt({ min: 0n, max: 2n ** 40n }),
    entryBytes: fc.integer({ min: 32, max: 96 }),
    notTransmitted: fc.boolean(),
    otherFlags: fc.nat(0xffff_ffff).map((bits) => (bits & ~0x3) >>> 0),
  });
  const plan = fc.record({
    name: fc.stringMatching(/^[A-Z][A-Za-z0-9.]{0,38}$/),
    nameField: fc.integer({ min: 40, max: 80 }),
    prefixLength: fc.nat(0xffff),
    sections: fc.array(section, { minLength: 1, maxLength: 8 }),
  });

  test('gives name and size: entries and transmitted data areas', () => {
    fc.assert(
      fc.property(plan, fc.uint8Array({ maxLength: 40 }), (directory, data) => {
        const bytes = directoryBytes(directory);
        const transmitted = directory.sections.filter((each) => !each.notTransmitted);
        const size = transmitted.reduce((sum, each) => sum + Number(each.dataBytes), bytes.length);
        expect(readDirectory(Buffer.concat([bytes, data]))).toEqual({
          kind: 'directory',
          directory: { name: directory.name, size },
        });
      }),
    );
  });

  test('is incomplete for each shorter beginning, and says how much more it takes', () => {
    fc.assert(
      fc.property(plan, (directory) => {
        const bytes = directoryBytes(directory);
        let asked = 0;
        for (let length = 0; length < bytes.length; length = asked) {
          const reading = readDirectory(bytes.subarray(0, length));
          if (reading.kind !== 'incomplete') break;
          asked = reading.bytes;
          expect(asked).toBeGreaterThan(length);
          expect(asked).toBeLessThanOrEqual(bytes.length);
          expect(readDirectory(bytes.subarray(0, asked - 1)).kind).toBe('incomplete');
        }
        expect(readDirectory(bytes.subarray(0, asked)).kind).toBe('directory');
      }),
    );
  });

  test('is found at any place of a buffer, shared memory too', () => {
    const bytes = directoryBytes({ name: NAME, sections: ONE_SECTION });
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 3)).subarray(3);
    shared.set(bytes);
    expect(readDirectory(shared)).toEqual({
      kind: 'directory',
      directory: { name: NAME, size: bytes.length + 1000 },
    });
  });
});

describe('readDirectory never throws, and makes progress', () => {
  const FILE_START = Buffer.from('FILE    ', 'latin1');
  const looksRight = fc.uint8Array({ maxLength: 200 }).map((tail) => Buffer.concat([FILE_START, tail]));
  const damaged = fc.tuple(fc.nat(200), fc.nat(0xff)).map(([at, value]) => {
    const bytes = directoryBytes({ name: NAME, sections: [...ONE_SECTION, ...ONE_SECTION] });
    bytes[at % bytes.length] = value;
    return bytes;
  });

  test.each([
    { what: 'any bytes', bytes: fc.uint8Array({ maxLength: 300 }) },
    { what: 'any bytes behind the right magic', bytes: looksRight },
    { what: 'a directory with one damaged byte', bytes: damaged },
  ])('on $what', ({ bytes }) => {
    fc.assert(
      fc.property(bytes as fc.Arbitrary<Uint8Array>, (head) => {
        const reading = readDirectory(head);
        if (reading.kind === 'incomplete') {
          expect(reading.bytes).toBeGreaterThan(head.length);
          expect(reading.bytes).toBeLessThanOrEqual(64 * 1024);
        }
        if (reading.kind !== 'directory') return;
        const { name = 'none', size = 0 } = reading.directory;
        expect(name).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,45}$/);
        expect(Number.isSafeInteger(size) && size >= 0).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('readDirectory, the name', () => {
  test.each([
    { why: 'as in the specification', name: NAME, expected: NAME },
    { why: 'empty', name: '', expected: undefined },
    { why: 'one dot', name: '.', expected: undefined },
    { why: 'two dots', name: '..', expected: undefined },
    { why: 'a way out of the directory', name: '../../etc/passwd', expected: '_.._etc_passwd' },
    { why: 'an absolute path', name: '/etc/passwd', expected: '_etc_passwd' },
    { why: 'a hidden file', name: '.profile', expected: 'profile' },
    { why: 'an option', name: '--checkpoint=1', expected: 'checkpoint_1' },
    { why: 'dots and dashes only', name: '-.-.', expected: undefined },
    { why: 'control characters', name: 'a\nb\x1b[31m\x7f', expected: 'a_b__31m_' },
    { why: 'not ASCII', name: 'D\xdcMP', expected: 'D_MP' },
    { why: 'blanks and quotes', name: 'a b\'c"d', expected: 'a_b_c_d' },
    { why: 'nothing behind its NUL', name: 'SYS\0secret', expected: 'SYS' },
  ])('$why', ({ name, expected }) => {
    expect(nameOf({ name })).toBe(expected);
  });

  test.each([
    { length: 45, field: 46, kept: 45 },
    { length: 46, field: 46, kept: 46 },
    { length: 47, field: 47, kept: 46 },
    { length: 40, field: 40, kept: 40 },
    { length: 200, field: 200, kept: 46 },
  ])('of $length characters in a field of $field without NUL gives $kept', ({ length, field, kept }) => {
    expect(nameOf({ name: 'N'.repeat(length), nameField: field })).toBe('N'.repeat(kept));
  });

  test.each([0, 1, 15, 46, 13_362, 0xffff])('does not depend on a prefix length of %d', (prefixLength) => {
    expect(nameOf({ prefixLength })).toBe(NAME);
  });

  test('is absent in an entry that ends before it', () => {
    expect(nameOf({ name: '', nameField: 0 })).toBeUndefined();
  });
});

describe('readDirectory, the size', () => {
  test.each<{ why: string; sections: readonly SectionPlan[]; size: number | undefined }>([
    { why: 'an empty data area', sections: [{ dataBytes: 0n }], size: 128 },
    { why: 'above 4 GiB', sections: [{ dataBytes: 5n << 30n }], size: 128 + 5 * 2 ** 30 },
    {
      why: 'data that is not transmitted does not count',
      sections: [{ dataBytes: 10n }, { dataBytes: 2n ** 63n, notTransmitted: true }],
      size: 192 + 10,
    },
    { why: 'the largest exact one', sections: [{ dataBytes: 2n ** 53n - 129n }], size: 2 ** 53 - 1 },
    { why: 'one more is unknown', sections: [{ dataBytes: 2n ** 53n - 128n }], size: undefined },
    {
      why: 'a sum beyond 64 bits is unknown',
      sections: [{ dataBytes: 2n ** 64n - 1n }, { dataBytes: 2n ** 64n - 1n }],
      size: undefined,
    },
  ])('$why', ({ sections, size }) => {
    const directory = { name: NAME, ...(size === undefined ? {} : { size }) };
    expect(read({ sections })).toEqual({ kind: 'directory', directory });
  });

  test.each([
    { why: 'a section entry that is too short', damage: (bytes: Buffer) => bytes.writeUInt16BE(31, 64 + 8) },
    { why: 'a section entry of length 0', damage: (bytes: Buffer) => bytes.writeUInt16BE(0, 64 + 8) },
    { why: 'no magic in a section entry', damage: (bytes: Buffer) => bytes.write('SECTIONS', 64) },
    { why: 'no magic in a later section entry', damage: (bytes: Buffer) => bytes.write('section ', 128) },
  ])('is unknown for $why, while the name stays', ({ damage }) => {
    const bytes = directoryBytes({ name: NAME, sections: [...ONE_SECTION, ...ONE_SECTION] });
    damage(bytes);
    expect(readDirectory(bytes)).toEqual({ kind: 'directory', directory: { name: NAME } });
  });

  test('is unknown when no section entry of the first 64 KiB is the last', () => {
    const endless = Array.from({ length: 1100 }, () => ({ dataBytes: 1n }));
    expect(read({ sections: endless })).toEqual({ kind: 'directory', directory: { name: NAME } });
  });
});

describe('readDirectory, no directory', () => {
  const opalTestDump = Buffer.alloc(512);
  opalTestDump.write('42', 0x16);
  opalTestDump.write('platform.0x01', 0x18);
  const file = directoryBytes({ name: NAME, sections: ONE_SECTION });

  test.each([
    { why: 'zeros', bytes: Buffer.alloc(4096) },
    { why: 'the test dump of OPAL tools, which has a name but no magic', bytes: opalTestDump },
    { why: 'another case of the magic', bytes: Buffer.concat([Buffer.from('file    '), file.subarray(8)]) },
    {
      why: 'a magic without its blanks',
      bytes: Buffer.concat([Buffer.from('FILE\0\0\0\0'), file.subarray(8)]),
    },
    {
      why: 'a FILE entry shorter than its fixed part',
      bytes: Buffer.concat([file.subarray(0, 8), Buffer.of(0, 23), file.subarray(10)]),
    },
  ])('in $why', ({ bytes }) => {
    expect(readDirectory(bytes)).toEqual({ kind: 'none' });
  });

  test.each([
    { length: 0, bytes: 24 },
    { length: 23, bytes: 24 },
    { length: 24, bytes: 64 },
    { length: 63, bytes: 64 },
    { length: 64, bytes: 96 },
  ])('yet in the first $length bytes: $bytes are needed', ({ length, bytes }) => {
    expect(readDirectory(file.subarray(0, length))).toMatchObject({ kind: 'incomplete', bytes });
  });
});
