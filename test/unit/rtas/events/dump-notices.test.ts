import { describe, expect, test } from 'vitest';
import type { Announcement } from '../../../../src/base/announcement.js';
import { dumpType } from '../../../../src/base/tag.js';
import { dumpNotices } from '../../../../src/rtas/index.js';
import type { LocatorSpec } from './support/build-event.js';
import { TAG, event, locator, privateHeader, section } from './support/build-event.js';
import { NOTIFICATION, NOTIFIED, SAMPLE_NAMES, sampleBytes } from './support/event-samples.js';

const NOTICE = { tag: TAG, size: 4096 };

function announced(bytes: Uint8Array): readonly Announcement[] {
  return dumpNotices(bytes).announced;
}

function tags(bytes: Uint8Array): readonly bigint[] {
  return dumpNotices(bytes).announced.map(({ tag }) => tag);
}

describe('dumpNotices of the samples', () => {
  test('reads tag, size, type and time of the notification', () => {
    expect(dumpNotices(sampleBytes(NOTIFICATION))).toEqual({ announced: [NOTIFIED], ignored: [] });
  });

  const others = SAMPLE_NAMES.filter((name) => name !== NOTIFICATION);
  test.each(others)('finds nothing in %s', (name) => {
    expect(dumpNotices(sampleBytes(name))).toEqual({ announced: [], ignored: [] });
  });

  test('at every length of the notification finds the dump or nothing', () => {
    const whole = sampleBytes(NOTIFICATION);
    const found = Array.from({ length: whole.length + 1 }, (_, end) => tags(whole.subarray(0, end)).length);
    // The locator begins at 204, and its size ends at 228.
    expect(found).toEqual(Array.from({ length: whole.length + 1 }, (_, end) => (end >= 228 ? 1 : 0)));
  });
});

describe('dumpNotices searches for the section', () => {
  const other = section({ id: 'PS' });
  test.each([
    ['alone', [locator()]],
    ['first', [locator(), other]],
    ['last', [other, locator()]],
    ['behind a section of odd length', [section({ id: 'UD', body: new Uint8Array(13) }), locator()]],
  ])('%s', (_, parts) => {
    expect(announced(event(parts))).toEqual([NOTICE]);
  });

  test.each([0x40, 0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0x00, 0xff])('in events of type 0x%x', (type) => {
    expect(tags(event([other, locator()], { type }))).toEqual([TAG]);
  });

  test('finds every one of several', () => {
    const parts = [locator(), other, locator({ id: 0xffff_ffff, subtype: 0xff }), locator({ id: 0 })];
    expect(tags(event(parts))).toEqual([TAG, 0xff_ffff_ffffn, 0x2_0000_0000n]);
  });

  test('finds none in a dump notification without it', () => {
    expect(tags(event([privateHeader(), other]))).toEqual([]);
  });
});

describe('dumpNotices takes only events that can announce', () => {
  test.each([
    ['version 5', { version: 5 }],
    ['no extended log', { flags: 0x20 }],
    ['another company', { company: 'ACME' }],
    ['PRRN, whose length is a scope', { type: 0xa0 }],
    ['a length that ends before the section', { extendedLength: 16 }],
    ['a length of 0', { extendedLength: 0 }],
  ])('%s', (_, header) => {
    expect(announced(event([locator()], header))).toEqual([]);
  });

  test.each([0, 1, 7, 8, 23, 24, 31])('%d bytes are too few', (length) => {
    expect(announced(event([locator()]).subarray(0, length))).toEqual([]);
  });

  test('a length beyond the data is cut to what is there', () => {
    expect(announced(event([locator()], { extendedLength: 0xffff_ffff }))).toEqual([NOTICE]);
  });

  test('left-overs behind the event are not looked at', () => {
    const stale = Buffer.concat([event([section({ id: 'EP' })]), locator()]);
    expect(announced(stale)).toEqual([]);
  });
});

describe('dumpNotices of a locator', () => {
  const rows: readonly (readonly [string, LocatorSpec, object])[] = [
    ['valid size', { size: 1n }, { size: 1 }],
    ['size of 0', { size: 0n }, { size: 0 }],
    ['size above 4 GiB', { size: 0x1_2345_6789n }, { size: 0x1_2345_6789 }],
    ['largest size that a number holds', { size: 2n ** 53n - 1n }, { size: Number.MAX_SAFE_INTEGER }],
  ];
  test.each(rows)('%s', (_, spec, expected) => {
    expect(announced(event([locator(spec)]))).toMatchObject([expected]);
  });

  test.each([
    ['size without its valid bit', { flags: 0, size: 4096n }],
    ['size of 2^53', { size: 2n ** 53n }],
    ['size of 2^64-1', { size: 2n ** 64n - 1n }],
  ])('%s is none', (_, spec) => {
    expect(announced(event([locator(spec)]))).toEqual([{ tag: TAG }]);
  });

  test.each([
    [1, 'fsp'],
    [2, 'platform'],
    [3, 'sma'],
    [4, 'power'],
    [5, 'log'],
    [6, 'partition'],
    [8, 'type-0x8'],
    [255, 'type-0xff'],
  ])('subtype %d is type %s', (subtype, type) => {
    const [notice] = announced(event([locator({ subtype })]));
    expect(notice?.tag).toBe((BigInt(subtype) << 32n) | 1n);
    expect(notice && dumpType(notice.tag)).toBe(type);
  });

  test('ids with the high bit stay positive', () => {
    expect(tags(event([locator({ id: 0x8000_0000 })]))).toEqual([0x2_8000_0000n]);
  });

  test.each([
    ['subtype 0', { subtype: 0 }, /cut short/, 1n],
    ['location HMC', { flags: 0xa0 }, /HMC/, TAG],
    ['location HMC, nothing else', { flags: 0x80 }, /HMC/, TAG],
  ])('%s is not announced, and says why', (_, spec, why, tag) => {
    expect(dumpNotices(event([locator(spec)]))).toEqual({
      announced: [],
      ignored: [{ tag, reason: expect.stringMatching(why) as string }],
    });
  });

  test.each([
    ['name type hex', 0x60],
    ['reserved flags', 0x3f],
  ])('%s changes nothing', (_, flags) => {
    expect(announced(event([locator({ flags })]))).toEqual([NOTICE]);
  });
});

describe('dumpNotices survives damage', () => {
  test('behind the locator: a file name over its end and the next header', () => {
    const parts = Buffer.concat([locator(), section({ id: 'LP' }), locator({ id: 2 })]);
    parts.writeUInt32LE(39, 0x24);
    parts.write('SYSDUMP.10665FT.00000003.20140513071107\0', 0x30, 'latin1');
    expect(tags(event([parts]))).toEqual([TAG, TAG + 1n]);
  });

  test.each([0, 1, 7, 25, 0x8000, 0xffff])('length %d of the section before', (length) => {
    expect(tags(event([section({ id: 'PS', length }), locator()]))).toEqual([TAG]);
  });

  test('a length that skips into the locator', () => {
    expect(tags(event([section({ id: 'PS', length: 40 }), locator()]))).toEqual([TAG]);
  });

  test.each([0, 7, 65, 0x8000, 0xffff])('length %d of the locator itself', (length) => {
    expect(tags(event([locator({ length }), section({ id: 'LP' }), locator({ id: 2 })]))).toEqual([
      TAG,
      TAG + 1n,
    ]);
  });

  test('a locator that claims to be too short for a dump id is none', () => {
    expect(tags(event([locator({ length: 12 })]))).toEqual([]);
  });

  test.each(['\0\0', 'dh', 'D', '11', '\xff\xff'])('section id %j before it', (id) => {
    expect(tags(event([section({ id }), locator()]))).toEqual([TAG]);
  });

  test('nothing that merely resembles a locator is taken for one', () => {
    const resembling = locator();
    resembling[0x0d] = 1;
    expect(tags(event([section({ id: 'PS', length: 0 }), resembling]))).toEqual([]);
  });

  test('a wrong number of sections in the private header does not matter', () => {
    const header = privateHeader();
    header[0x1b] = 1;
    expect(tags(event([header, locator()]))).toEqual([TAG]);
  });
});

describe('event time', () => {
  test('is that of the private header', () => {
    const announcedAtMs = Date.UTC(2026, 10, 22, 8, 12, 0, 990);
    expect(announced(event([privateHeader(), locator()]))).toEqual([{ ...NOTICE, announcedAtMs }]);
  });

  test.each([
    '0000000000000000',
    'ffffffffffffffff',
    '2026112a08120000',
    '2026022908120000',
    '2026130108120000',
    '2026010024000000',
    '2026010123600000',
    '2026010123596000',
    '0026010123595900',
    '1969123123595999',
  ])('%s is none', (digits) => {
    expect(announced(event([privateHeader(digits), locator()]))).toEqual([NOTICE]);
  });

  test('is not taken from a header that stands elsewhere', () => {
    expect(announced(event([section({ id: 'UH' }), privateHeader(), locator()]))).toEqual([NOTICE]);
  });

  test('is not taken from a header that is too short', () => {
    expect(announced(event([section({ id: 'PH', body: new Uint8Array(7) }), locator()]))).toEqual([NOTICE]);
  });
});
