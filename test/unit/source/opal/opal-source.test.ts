import { once, EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { silentLogger } from '../../../../src/base/log.js';
import { dumpTag } from '../../../../src/base/tag.js';
import type { DumpSource } from '../../../../src/source/index.js';
import { openOpalSource } from '../../../../src/source/opal/opal-source.js';
import { createDriver } from '../../../../src/source/opal/opal-driver.js';
import { FakeOpalSysfs } from '../../../support/opal-sysfs.js';

const CONTENT = Buffer.alloc(10_000, 'content');

let sysfs: FakeOpalSysfs;
let source: DumpSource | undefined;

beforeEach(() => {
  sysfs = new FakeOpalSysfs();
});
afterEach(async () => {
  await source?.[Symbol.asyncDispose]();
  sysfs[Symbol.dispose]();
});

function open(lookEveryMs = 10_000): DumpSource {
  source = openOpalSource({ dir: sysfs.dir, log: silentLogger, lookEveryMs });
  return source;
}

test("openOpalSource lists ppc64-diag's sample with exact sizes", () => {
  sysfs[Symbol.dispose]();
  sysfs = FakeOpalSysfs.sample();
  expect(open().list()).toMatchObject([
    { tag: 0xffff_ffff_0000_0001n, size: 512, sizeOrigin: 'source' },
    { tag: 0xffff_ffff_0000_0002n, size: 512, sizeOrigin: 'source' },
  ]);
});

test.each([
  { id: '0x1\n', type: '0x1 SP Dump\n', tag: 0x1_0000_0001n },
  { id: '0x80000000\n', type: '0x2 System/Platform Dump\n', tag: 0x2_8000_0000n },
  { id: '0x0\n', type: '0xffffffff\n', tag: 0xffff_ffff_0000_0000n },
  { id: '0xABCDEF', type: '0x3 SMA Dump', tag: 0x3_00ab_cdefn },
])(
  'openOpalSource reads tag $tag from id and type, whatever the directory is called',
  ({ id, type, tag }) => {
    sysfs.add('0x7-0x7', { id, type, content: CONTENT });
    expect(
      open()
        .list()
        .map((dump) => dump.tag),
    ).toEqual([tag]);
  },
);

test.each([
  { what: 'no number', id: 'one\n' },
  { what: 'no hexadecimal number', id: '17\n' },
  { what: 'a number that is too long', id: '0x123456789\n' },
  { what: 'nothing', id: '' },
])('openOpalSource leaves out a dump whose id is $what, and says so once', ({ id }) => {
  const warn = vi.fn();
  sysfs.add('odd', { id, type: '0x1\n', content: CONTENT });
  source = openOpalSource({ dir: sysfs.dir, log: { ...silentLogger, warn } });
  expect(source.list()).toEqual([]);
  source.list();
  expect(warn).toHaveBeenCalledTimes(1);
});

test('openOpalSource refuses a directory that is not there, by name', () => {
  expect(() => openOpalSource({ dir: '/nonexistent/opal', log: silentLogger })).toThrow(
    '/nonexistent/opal does not exist',
  );
});

test('openOpalSource tells of dumps that come and go while nobody asks', async () => {
  const bell = new EventEmitter();
  open(10).onChange(() => bell.emit('change'));
  const came = once(bell, 'change');
  sysfs.add('a', { id: '0x1\n', type: '0x1\n', content: CONTENT });
  await came;
  expect(source?.list()).toHaveLength(1);
  const went = once(bell, 'change');
  sysfs.remove('a');
  await went;
  expect(source?.list()).toHaveLength(0);
});

test('openOpalSource tells also when the change was seen by who asked', async () => {
  const bell = new EventEmitter();
  open().onChange(() => bell.emit('change'));
  const came = once(bell, 'change');
  sysfs.add('a', { id: '0x1\n', type: '0x1\n', content: CONTENT });
  expect(source?.list()).toHaveLength(1);
  await came;
});

test('openOpalSource gives a dump that came back another incarnation', () => {
  const one = { id: '0x1\n', type: '0x1\n', content: CONTENT };
  sysfs.add('a', one);
  const [before] = open().list();
  sysfs.remove('a');
  expect(source?.list()).toEqual([]);
  sysfs.add('a', one);
  expect(source?.list()[0]?.incarnation).not.toBe(before?.incarnation);
});

const TAG = dumpTag(0x1_0000_0001n);
const driver = createDriver({ traceChannel: undefined });

function cursorAt(offset: number): ReturnType<typeof driver.open> {
  return driver.open(TAG, BigInt(offset), open().detail(TAG));
}

test('a pass over an OPAL dump begins at any byte', () => {
  sysfs.add('a', { id: '0x1\n', type: '0x1\n', content: CONTENT });
  const cursor = cursorAt(9_000);
  const buffer = Buffer.alloc(4096);
  expect(cursor.read(buffer)).toEqual({ bytes: 1000, done: true, resume: 10_000n });
  expect(buffer.subarray(0, 1000)).toEqual(CONTENT.subarray(9_000));
  cursor.close();
});

test('a dump that vanished while open is gone, and nothing is written where it was', () => {
  sysfs.add('a', { id: '0x1\n', type: '0x1\n', content: CONTENT });
  const cursor = cursorAt(0);
  sysfs.remove('a');
  const gone: unknown = expect.objectContaining({
    data: expect.objectContaining({ kind: 'gone' }) as unknown,
  });
  expect(() => cursor.read(Buffer.alloc(4096))).toThrow(gone);
  expect(() => cursor.invalidate()).toThrow(gone);
  expect(source?.list()).toEqual([]);
  cursor.close();
});

test('a dump that took the place of another one is neither read nor acknowledged for it', () => {
  const one = { id: '0x1\n', type: '0x1\n', content: CONTENT };
  sysfs.add('a', one);
  const opal = open();
  const [before] = opal.list();
  const place = opal.detail(TAG, before?.incarnation);
  const early = driver.open(TAG, 0n, place);
  sysfs.remove('a');
  sysfs.add('b', one);
  sysfs.remove('b');
  sysfs.add('a', { ...one, content: Buffer.alloc(9000, 'other') });
  expect(opal.detail(TAG, before?.incarnation)).toBeUndefined();
  const late = driver.open(TAG, 0n, { ...(place as object), ino: 1n });
  expect(late.read(Buffer.alloc(4096))).toEqual({ bytes: 0, done: true });
  for (const cursor of [early, late]) {
    expect(() => cursor.invalidate()).toThrow(
      expect.objectContaining({ data: expect.objectContaining({ kind: 'gone' }) as unknown }) as Error,
    );
    cursor.close();
  }
  sysfs.carryOut();
  expect(opal.list()).toHaveLength(1);
});

test('invalidate writes to acknowledge', () => {
  sysfs.add('a', { id: '0x1\n', type: '0x1\n', content: CONTENT });
  const cursor = cursorAt(0);
  cursor.invalidate();
  cursor.close();
  sysfs.carryOut();
  expect(source?.list()).toEqual([]);
});
