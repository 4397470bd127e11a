import { expect, test } from 'vitest';
import type { ListedDump } from '../../../../src/cli/query/listed-dump.js';
import { listingChanges } from '../../../../src/cli/query/listing-changes.js';

const A: ListedDump = {
  tag: '0x0000000200000001',
  type: 'platform',
  size: 4096,
  sizeOrigin: 'announced',
  state: 'new',
  delivered: 0,
  firstSeen: '2026-11-22T08:12:00.000Z',
  source: 'sim',
  name: null,
  sha256: null,
};
const B: ListedDump = { ...A, tag: '0x0000000200000002' };
const RETURNED: ListedDump = { ...A, firstSeen: '2026-11-22T09:00:00.000Z' };

test.each([
  { what: 'nothing', before: [], after: [], events: [] },
  { what: 'the same', before: [A, B], after: [B, A], events: [] },
  { what: 'a new one', before: [A], after: [A, B], events: [['appeared', B]] },
  { what: 'one less', before: [A, B], after: [B], events: [['vanished', A]] },
  { what: 'bytes delivered', before: [A], after: [{ ...A, delivered: 1 }], events: [] },
  {
    what: 'one that came back under its tag',
    before: [A],
    after: [RETURNED],
    events: [
      ['vanished', A],
      ['appeared', RETURNED],
    ],
  },
])('listingChanges finds $what', ({ before, after, events }) => {
  expect(listingChanges(before, after)).toEqual(events.map(([event, dump]) => ({ event, dump })));
});

test.each([{ size: 5 }, { sizeOrigin: 'measured' }, { state: 'complete' }, { name: 'SYSDUMP.1' }])(
  'listingChanges finds %o changed',
  (change) => {
    const after = { ...A, ...change };
    expect(listingChanges([A], [after])).toEqual([{ event: 'changed', dump: after }]);
  },
);
