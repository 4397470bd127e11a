import { describe, expect, test } from 'vitest';
import type { CheckedCall, TraceFacts } from '../../support/trace-checker.js';
import { traceFaults } from '../../support/trace-checker.js';

const TAG = '0x0000000200000001';
const EPOCH_MS = Date.parse('2026-01-01T00:00:00Z');

/** A call `at` milliseconds after the beginning. */
function call(at: number, about: Partial<CheckedCall>): CheckedCall {
  const time = new Date(EPOCH_MS + at).toISOString();
  return { time, op: 'read', tag: TAG, offset: 0, status: 1, bytes: 0, ...about };
}

const FIRST = call(10, { bytes: 4096 });
const LAST = call(20, { offset: 4096, bytes: 100, status: 0 });
const FORGET = call(40, { op: 'invalidate', status: 0 });
const UNLINK = { tag: TAG, beganAtMs: EPOCH_MS + 30, endedAtMs: EPOCH_MS + 50 };

describe('traceFaults', () => {
  test.each<{ what: string; calls: readonly CheckedCall[]; facts?: TraceFacts }>([
    { what: 'a dump read to its end, unlinked and forgotten', calls: [FIRST, LAST, FORGET] },
    { what: 'chunks in another order', calls: [LAST, FIRST, FORGET] },
    {
      what: 'one attempt that fails, and one that does not',
      calls: [FIRST, LAST, { ...FORGET, status: -1 }, FORGET],
    },
    { what: 'a forced removal', calls: [FORGET], facts: { unlinks: [UNLINK], isForced: true } },
    {
      what: 'a trace in which lines are missing',
      calls: [FIRST, { ...FORGET, lost: 1 }],
    },
    {
      what: 'a tag that comes back, each time read and unlinked',
      calls: [
        FIRST,
        LAST,
        FORGET,
        call(60, { bytes: 7, status: 0 }),
        call(70, { op: 'invalidate', status: 0 }),
      ],
      facts: { unlinks: [UNLINK, { tag: TAG, beganAtMs: EPOCH_MS + 65 }] },
    },
  ])('says nothing of $what', ({ calls, facts = { unlinks: [UNLINK] } }) => {
    expect(traceFaults(calls, facts)).toEqual([]);
  });

  test.each<{ what: string; calls: readonly CheckedCall[]; facts?: TraceFacts; says: string }>([
    { what: 'a gap', calls: [call(10, { bytes: 4000 }), LAST, FORGET], says: 'only 4100 of 4196 bytes' },
    { what: 'no end', calls: [FIRST, FORGET], says: 'of an unknown number of bytes' },
    { what: 'no unlink', calls: [FIRST, LAST, FORGET], facts: { unlinks: [] }, says: 'after 0 unlinks' },
    {
      what: 'an unlink that came later',
      calls: [FIRST, LAST, FORGET],
      facts: { unlinks: [{ tag: TAG, beganAtMs: EPOCH_MS + 45 }] },
      says: 'after 0 unlinks',
    },
    {
      what: 'an unlink of another dump',
      calls: [FIRST, LAST, FORGET],
      facts: { unlinks: [{ ...UNLINK, tag: '0x0000000200000002' }] },
      says: 'after 0 unlinks',
    },
    {
      what: 'one unlink for two',
      calls: [FIRST, LAST, FORGET, FIRST, LAST, FORGET],
      says: 'for the 2. time',
    },
    {
      what: 'another dump that was not read',
      calls: [FIRST, LAST, FORGET],
      facts: { arrivals: [{ tag: TAG, atMs: EPOCH_MS + 25 }] },
      says: 'of an unknown number of bytes',
    },
    {
      what: 'a daemon that had delivered nothing',
      calls: [FIRST, LAST, FORGET],
      facts: { startsMs: [EPOCH_MS + 25] },
      says: 'of an unknown number of bytes',
    },
    {
      what: 'reading within the unlink only',
      calls: [{ ...FIRST, time: call(33, {}).time }, { ...LAST, time: call(34, {}).time }, FORGET],
      says: 'of an unknown number of bytes',
    },
    {
      what: 'a forced removal that nobody asked for',
      calls: [FORGET],
      facts: { unlinks: [], isForced: true },
      says: 'after 0 unlinks',
    },
  ])('sees $what', ({ calls, facts = { unlinks: [UNLINK] }, says }) => {
    expect(traceFaults(calls, facts).join('\n')).toContain(says);
  });
});
