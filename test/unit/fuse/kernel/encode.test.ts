import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../../../src/base/byte-writer.js';
import type { Attributes, DirectoryEntry, Entry } from '../../../../src/fs/index.js';
import * as encode from '../../../../src/fuse/kernel/encode.js';
import { INIT_FLAG } from '../../../../src/fuse/kernel/abi.js';
import { negotiate } from '../../../../src/fuse/kernel/negotiate.js';
import { golden, readGolden } from '../../../support/golden-messages.js';

const REPLIES = readGolden('replies.txt');
const NAME = '0x0000000200000001';

const ATTRIBUTES: Attributes = {
  ino: 5,
  mode: 0o100_400,
  nlink: 1,
  uid: 1000,
  gid: 1001,
  size: 0x1_2345_6789,
  mtimeMs: 1_700_000_000_123,
  validMs: 60_250,
};
const ENTRY: Entry = { attributes: ATTRIBUTES, generation: 0xfedc_ba98, validMs: 1500 };
const DOTS: readonly DirectoryEntry[] = [
  { name: '.', ino: 1, isDirectory: true, nextOffset: 1 },
  { name: '..', ino: 1, isDirectory: true, nextOffset: 2 },
];
const FILE: DirectoryEntry = { name: NAME, ino: 5, isDirectory: false, nextOffset: 3 };

function initReply(minor: number, maxReadahead: number, flags: number, pageBytes: number): encode.InitReply {
  const result = negotiate({ major: 7, minor, maxReadahead, flags, flags2: 0 }, pageBytes);
  if (result.kind === 'refused') throw new Error(result.why);
  return result.reply;
}

const ROWS: readonly { readonly title: string; readonly write: (writer: ByteWriter) => void }[] = [
  {
    title: 'INIT, pages of 4 KiB',
    write: (writer) => encode.encodeInit(writer, 7, initReply(45, 131_072, 0x73ff_fffb, 4096)),
  },
  {
    title: 'INIT, pages of 64 KiB, kernel 7.31',
    write: (writer) => encode.encodeInit(writer, 7, initReply(31, 4_194_304, 0x03ff_fffb, 65_536)),
  },
  { title: 'LOOKUP', write: (writer) => encode.encodeEntry(writer, ENTRY) },
  { title: 'GETATTR', write: (writer) => encode.encodeAttrOut(writer, ATTRIBUTES) },
  {
    title: 'GETATTR of unknown size',
    write: (writer) => encode.encodeAttrOut(writer, { ...ATTRIBUTES, size: 2 ** 63, validMs: 0 }),
  },
  { title: 'STATX', write: (writer) => encode.encodeStatxOut(writer, ATTRIBUTES) },
  { title: 'OPENDIR', write: (writer) => encode.encodeOpen(writer, 8, 0) },
  { title: 'READDIR', write: (writer) => encode.encodeDirectory(writer, [...DOTS, FILE], 4096) },
  {
    title: 'READDIRPLUS',
    write: (writer) =>
      encode.encodeDirectoryPlus(writer, [DOTS[0]!, { ...FILE, nextOffset: 2 }], 4096, () => ENTRY),
  },
  {
    title: 'STATFS',
    write: (writer) => encode.encodeStatfs(writer, { blockSize: 4096, blocks: 1000, files: 3, nameMax: 255 }),
  },
  { title: 'GETXATTR, LISTXATTR: size', write: (writer) => encode.encodeXattrSize(writer, 18) },
];

describe.each([
  { order: 'little endian', littleEndian: true },
  { order: 'big endian', littleEndian: false },
])('replies, $order', ({ littleEndian }) => {
  test.each(ROWS)('encodes $title', ({ title, write }) => {
    // Old content shows where padding is not written.
    const writer = new ByteWriter(new Uint8Array(1024).fill(0xaa), littleEndian);
    write(writer);
    expect(hex(writer.written)).toBe(hex(golden(REPLIES, title, littleEndian).subarray(16)));
  });
});

test.each([
  { what: 'years', validMs: Number.MAX_SAFE_INTEGER, seconds: 2 ** 32, nanoseconds: 991_000_000 },
  { what: 'no time', validMs: 0, seconds: 0, nanoseconds: 0 },
  { what: 'a negative time', validMs: -5, seconds: 0, nanoseconds: 0 },
  { what: 'a fraction', validMs: 999.999_999, seconds: 0, nanoseconds: 999_999_999 },
])('encodeAttrOut: validity of $what', ({ validMs, seconds, nanoseconds }) => {
  const writer = new ByteWriter(new Uint8Array(104), true);
  encode.encodeAttrOut(writer, { ...ATTRIBUTES, validMs });
  const view = new DataView(writer.written.buffer);
  expect(view.getBigUint64(0, true)).toBe(BigInt(seconds));
  expect(view.getUint32(8, true)).toBe(nanoseconds);
});

describe('directories', () => {
  const RECORD = 24 + 24;
  const entries = Array.from({ length: 10 }, (_, index) => ({ ...FILE, nextOffset: index + 1 }));

  test.each([
    { size: 0, records: 0 },
    { size: RECORD - 1, records: 0 },
    { size: RECORD, records: 1 },
    { size: 3 * RECORD + 47, records: 3 },
    { size: 1_000_000, records: 10 },
  ])('encodeDirectory puts $records entries into $size bytes', ({ size, records }) => {
    const writer = new ByteWriter(new Uint8Array(4096));
    encode.encodeDirectory(writer, entries, size);
    expect(writer.length).toBe(records * RECORD);
  });

  test('encodeDirectory stops where the reply buffer ends', () => {
    const writer = new ByteWriter(new Uint8Array(2 * RECORD + 5));
    encode.encodeDirectory(writer, entries, 4096);
    expect(writer.length).toBe(2 * RECORD);
  });

  test('encodeDirectoryPlus counts a lookup only for what it sends', () => {
    const asked: number[] = [];
    const entryOf = (ino: number): Entry => {
      asked.push(ino);
      return { attributes: { ...ATTRIBUTES, ino }, generation: 1, validMs: 0 };
    };
    const numbered = [...DOTS, ...entries.map((entry, index) => ({ ...entry, ino: 10 + index }))];
    const size = 2 * (128 + 32) + 2 * (128 + RECORD) + 100;
    const counted = encode.encodeDirectoryPlus(new ByteWriter(new Uint8Array(4096)), numbered, size, entryOf);
    expect(counted).toEqual([10, 11]);
    expect(asked).toEqual([10, 11]);
  });

  test('encodeDirectoryPlus sends node id 0 where attributes are not known', () => {
    const writer = new ByteWriter(new Uint8Array(512).fill(0xaa));
    expect(encode.encodeDirectoryPlus(writer, [FILE], 512, () => undefined)).toEqual([]);
    expect(writer.written.subarray(0, 128).every((byte) => byte === 0)).toBe(true);
    expect(writer.length).toBe(128 + RECORD);
  });

  test('names take their length in UTF-8', () => {
    const writer = new ByteWriter(new Uint8Array(64), true);
    encode.encodeDirectory(writer, [{ ...FILE, name: 'größe' }], 64);
    expect(new DataView(writer.written.buffer).getUint32(16, true)).toBe(7);
    expect(writer.length).toBe(32);
  });
});

describe('negotiate', () => {
  const LINUX_6_18 = { major: 7, minor: 45, maxReadahead: 131_072, flags: 0x73ff_fffb, flags2: 0 };

  test.each([
    { minor: 31, agreed: 31 },
    { minor: 41, agreed: 41 },
    { minor: 45, agreed: 41 },
  ])('agrees on 7.$agreed with a kernel of 7.$minor', ({ minor, agreed }) => {
    expect(negotiate({ ...LINUX_6_18, minor }, 4096)).toMatchObject({
      kind: 'agreed',
      reply: { minor: agreed },
    });
  });

  test.each([
    { major: 7, minor: 30 },
    { major: 6, minor: 99 },
  ])('refuses $major.$minor and says what is needed', ({ major, minor }) => {
    expect(negotiate({ ...LINUX_6_18, major, minor }, 4096)).toEqual({
      kind: 'refused',
      why: `the kernel speaks FUSE protocol ${major}.${minor}, 7.31 is needed: use Linux 5.4 or later`,
    });
  });

  test('asks a later major version to start again', () => {
    expect(negotiate({ ...LINUX_6_18, major: 8, minor: 0 }, 4096).kind).toBe('again');
  });

  test('takes no flag that the kernel does not offer', () => {
    const reply = initReply(45, 131_072, INIT_FLAG.ASYNC_READ, 4096);
    expect(reply.flags).toBe(INIT_FLAG.ASYNC_READ);
  });

  test.each([
    { pageBytes: 4096, maxPages: 256 },
    { pageBytes: 65_536, maxPages: 16 },
    { pageBytes: 4_194_304, maxPages: 1 },
  ])('requests are of 1 MiB with pages of $pageBytes', ({ pageBytes, maxPages }) => {
    expect(initReply(45, 131_072, 0, pageBytes).maxPages).toBe(maxPages);
  });
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replaceAll(/(.{16})/g, '$1\n');
}
