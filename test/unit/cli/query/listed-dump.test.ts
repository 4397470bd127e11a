import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dumpTag } from '../../../../src/base/tag.js';
import type { ListedDump } from '../../../../src/cli/query/listed-dump.js';
import {
  listedFromSource,
  listedFromSummary,
  listingTable,
  sortListing,
} from '../../../../src/cli/query/listed-dump.js';
import type { DumpSource } from '../../../../src/source/index.js';

const TAG = dumpTag(0x2_0000_0001n);
const SEEN_MS = Date.UTC(2026, 10, 22, 8, 12, 0);

const LISTED: ListedDump = {
  tag: '0x0000000200000001',
  type: 'platform',
  size: 50_335_745,
  sizeOrigin: 'announced',
  state: 'reading',
  delivered: 1024,
  firstSeen: '2026-11-22T08:12:00.000Z',
  source: 'sim',
  name: 'SYSDUMP',
  sha256: 'a'.repeat(64),
};

describe('listedFromSummary', () => {
  const summary = {
    tag: TAG,
    type: 'platform',
    size: 50_335_745,
    sizeOrigin: 'announced' as const,
    state: 'reading' as const,
    delivered: 1024,
    announcedAtMs: SEEN_MS,
    source: 'sim',
    name: 'SYSDUMP',
    sha256: 'a'.repeat(64),
  };

  test('keeps every field under its published name', () => {
    expect(listedFromSummary(summary)).toEqual(LISTED);
  });

  test('says null, not nothing, for what is not known', () => {
    const unknown = {
      ...summary,
      size: undefined,
      sizeOrigin: undefined,
      name: undefined,
      sha256: undefined,
    };
    expect(JSON.parse(JSON.stringify(listedFromSummary(unknown)))).toEqual({
      ...LISTED,
      size: null,
      sizeOrigin: null,
      name: null,
      sha256: null,
    });
  });
});

test('listedFromSource has the same fields without a store', () => {
  const announcements = [
    { tag: TAG, size: 7, sizeOrigin: 'announced', announcedAtMs: SEEN_MS, incarnation: '1' },
    { tag: dumpTag(1n), incarnation: '2' },
  ];
  const source = { name: 'sim', list: () => announcements } as unknown as DumpSource;
  const fresh = { state: 'new', delivered: 0, source: 'sim', name: null, sha256: null };
  expect(listedFromSource(source, 0)).toEqual([
    { ...LISTED, ...fresh, size: 7 },
    {
      ...LISTED,
      ...fresh,
      tag: '0x0000000000000001',
      type: 'type-0x0',
      size: null,
      sizeOrigin: null,
      firstSeen: '1970-01-01T00:00:00.000Z',
    },
  ]);
});

test('sortListing sorts by tag and leaves its argument alone', () => {
  const tags = ['0xb', '0xa', '0xc', '0xa'];
  const dumps = tags.map((tag) => ({ ...LISTED, tag }));
  expect(sortListing(dumps).map(({ tag }) => tag)).toEqual(['0xa', '0xa', '0xb', '0xc']);
  expect(dumps.map(({ tag }) => tag)).toEqual(tags);
});

describe('listingTable', () => {
  let zone: string | undefined;
  beforeEach(() => {
    zone = process.env['TZ'];
    process.env['TZ'] = 'UTC';
  });
  afterEach(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });

  test('aligns columns and shows an unknown size as a dash', () => {
    const second = { ...LISTED, type: 'fsp', size: null, state: 'new', delivered: 0 };
    expect(listingTable([LISTED, second])).toBe(
      [
        'TAG                 TYPE          SIZE  STATE    DELIVERED  FIRST SEEN',
        '0x0000000200000001  platform  48.0 MiB  reading    1.0 KiB  2026-11-22 08:12:00',
        '0x0000000200000001  fsp              -  new            0 B  2026-11-22 08:12:00',
        '',
      ].join('\n'),
    );
  });

  test('is a heading alone when there is no dump', () => {
    expect(listingTable([])).toBe('TAG  TYPE  SIZE  STATE  DELIVERED  FIRST SEEN\n');
  });
});
