import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OPCODE } from '../../../../src/fuse/kernel/abi.js';
import * as decode from '../../../../src/fuse/kernel/decode.js';
import type { ByteReader } from '../../../../src/base/byte-reader.js';
import { golden, readGolden } from '../../../support/golden-messages.js';

const REQUESTS = readGolden('requests.txt');
const NAME = '0x0000000200000001';

interface Row {
  readonly title: string;
  readonly decoder: (body: ByteReader) => unknown;
  readonly expected: unknown;
}

const ROWS: readonly Row[] = [
  {
    title: 'INIT of Linux 5.4: 7.31',
    decoder: decode.decodeInit,
    expected: { major: 7, minor: 31, maxReadahead: 131_072, flags: 0x03ff_fffb, flags2: 0 },
  },
  {
    title: 'INIT of Linux 6.18: 7.45, with flags2',
    decoder: decode.decodeInit,
    expected: { major: 7, minor: 45, maxReadahead: 131_072, flags: 0x73ff_fffb, flags2: 0x5fd },
  },
  { title: 'LOOKUP', decoder: decode.decodeName, expected: NAME },
  { title: 'LOOKUP with an extension of 8 bytes', decoder: decode.decodeName, expected: '0x000000020000001' },
  { title: 'UNLINK', decoder: decode.decodeName, expected: NAME },
  { title: 'FORGET', decoder: decode.decodeForget, expected: 3 },
  {
    title: 'BATCH_FORGET',
    decoder: decode.decodeBatchForget,
    expected: [
      { nodeid: 5, count: 1 },
      { nodeid: 6, count: 2 },
    ],
  },
  { title: 'GETATTR', decoder: decode.decodeGetattr, expected: undefined },
  { title: 'GETATTR through a handle', decoder: decode.decodeGetattr, expected: 0x01_0203_0405 },
  { title: 'STATX', decoder: decode.decodeStatx, expected: undefined },
  { title: 'STATX through a handle', decoder: decode.decodeStatx, expected: 0x01_0203_0405 },
  { title: 'OPEN', decoder: decode.decodeOpen, expected: 0x8000 },
  { title: 'OPENDIR', decoder: decode.decodeOpen, expected: 0x1_8800 },
  {
    title: 'READ',
    decoder: decode.decodeRead,
    expected: { fh: 7, offset: 0x1_2345_6000, size: 131072, openFlags: 0o100000 },
  },
  { title: 'READDIR', decoder: decode.decodeRead, expected: { fh: 8, offset: 2, size: 4096, openFlags: 0 } },
  {
    title: 'READDIRPLUS',
    decoder: decode.decodeRead,
    expected: { fh: 8, offset: 2, size: 4096, openFlags: 0 },
  },
  { title: 'RELEASE', decoder: decode.decodeRelease, expected: 7 },
  { title: 'RELEASEDIR', decoder: decode.decodeRelease, expected: 8 },
  { title: 'ACCESS', decoder: decode.decodeAccess, expected: 4 },
  { title: 'GETXATTR', decoder: decode.decodeGetxattr, expected: { size: 64, name: 'user.platdump.tag' } },
  { title: 'LISTXATTR', decoder: decode.decodeListxattr, expected: 256 },
  { title: 'INTERRUPT', decoder: decode.decodeInterrupt, expected: 0x1122_3344_5566_7788n },
];

const ORDERS = [
  { order: 'little endian', littleEndian: true },
  { order: 'big endian', littleEndian: false },
];

describe.each(ORDERS)('requests, $order', ({ littleEndian }) => {
  test.each(ROWS)('decodes $title', ({ title, decoder, expected }) => {
    const { body } = decode.decodeInHeader(golden(REQUESTS, title, littleEndian), littleEndian);
    expect(decoder(body)).toEqual(expected);
  });

  test('decodeInHeader takes the header apart', () => {
    const header = decode.decodeInHeader(golden(REQUESTS, 'READ', littleEndian), littleEndian);
    expect(header).toMatchObject({
      opcode: OPCODE.READ,
      unique: 0x1122_3344_5566_7788n,
      nodeid: 0x0a0b_0c0d,
      uid: 1000,
      gid: 1001,
      pid: 0x1234,
    });
    expect(header.body.remaining).toBe(40);
  });

  test.each(ROWS.filter((row) => !row.title.startsWith('INIT')))(
    'refuses $title one byte short or long',
    ({ title, decoder }) => {
      const message = golden(REQUESTS, title, littleEndian);
      const short = withLength(message.subarray(0, -1), littleEndian);
      const long = withLength(Uint8Array.from([...message, 1]), littleEndian);
      expect(() => decoder(decode.decodeInHeader(short, littleEndian).body)).toThrow(RangeError);
      expect(() => decoder(decode.decodeInHeader(long, littleEndian).body)).toThrow(RangeError);
    },
  );

  test('refuses INIT without flags', () => {
    const short = withLength(golden(REQUESTS, ROWS[0]!.title, littleEndian).subarray(0, -4), littleEndian);
    expect(() => decode.decodeInit(decode.decodeInHeader(short, littleEndian).body)).toThrow(RangeError);
  });

  test.each([
    {
      what: 'a length that is not the message',
      change: (view: DataView) => view.setUint32(0, 39, littleEndian),
    },
    { what: 'more extensions than bytes', change: (view: DataView) => view.setUint16(36, 99, littleEndian) },
  ])('decodeInHeader refuses $what', ({ change }) => {
    const message = golden(REQUESTS, 'GETATTR', littleEndian).slice();
    change(new DataView(message.buffer));
    expect(() => decode.decodeInHeader(message, littleEndian)).toThrow(RangeError);
  });
});

test('decodeInHeader refuses a message of the other byte order', () => {
  expect(() => decode.decodeInHeader(golden(REQUESTS, 'READ', false), true)).toThrow(
    /^FUSE request header: length/,
  );
});

test.each(ROWS)('the decoder of $title throws nothing but RangeError', ({ decoder }) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (body, littleEndian) => {
      const message = withLength(Uint8Array.from([...new Uint8Array(40), ...body]), littleEndian);
      try {
        decoder(decode.decodeInHeader(message, littleEndian).body);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
  );
});

test('BATCH_FORGET of more inodes than bytes is refused before any is taken', () => {
  const message = golden(REQUESTS, 'BATCH_FORGET', true).slice();
  new DataView(message.buffer).setUint32(40, 0xffff_ffff, true);
  expect(() => decode.decodeBatchForget(decode.decodeInHeader(message, true).body)).toThrow(
    'BATCH_FORGET of 4294967295 inodes with 32 bytes',
  );
});

function withLength(message: Uint8Array, littleEndian: boolean): Uint8Array {
  const copy = message.slice();
  new DataView(copy.buffer).setUint32(0, copy.length, littleEndian);
  return copy;
}
