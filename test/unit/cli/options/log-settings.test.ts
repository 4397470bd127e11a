import { fstatSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { logOptions, writesToJournal } from '../../../../src/cli/options/log-settings.js';

const { dev, ino } = fstatSync(2, { bigint: true });
const OURS = `${dev}:${ino}`;

afterEach(() => {
  vi.unstubAllEnvs();
});

test.each([
  { what: 'our own standard error', value: OURS, journal: true },
  { what: "another process's", value: `${dev}:${ino + 1n}`, journal: false },
  { what: 'nothing', value: undefined, journal: false },
  { what: 'nonsense', value: 'x', journal: false },
])('writesToJournal is $journal when JOURNAL_STREAM names $what', ({ value, journal }) => {
  expect(writesToJournal(value)).toBe(journal);
});

test.each([
  { what: 'a program reads', format: undefined, parent: undefined, stream: '', expected: 'json' },
  { what: 'the journal reads', format: undefined, parent: undefined, stream: OURS, expected: 'text' },
  { what: 'the waiting parent writes text', format: undefined, parent: 'text', stream: '', expected: 'text' },
  { what: 'the user said so', format: 'json', parent: 'text', stream: OURS, expected: 'json' },
] as const)('logOptions takes $expected when $what', ({ format, parent, stream, expected }) => {
  vi.stubEnv('JOURNAL_STREAM', stream);
  expect(logOptions({ logLevel: 'warn', logFormat: format }, parent)).toEqual({
    level: 'warn',
    format: expected,
    journal: stream === OURS,
  });
});
