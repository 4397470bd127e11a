import { expect, test } from 'vitest';
import { chooseFeed } from '../../../src/announce/choose-feed.js';

const NOTHING = { sourceLists: false, logIsNamed: false, logExists: false, rtasErrdRuns: false };

test.each([
  { facts: { mode: 'off', logExists: true }, feed: 'off' },
  { facts: { mode: 'log' }, feed: 'log' },
  { facts: { mode: 'log', sourceLists: true }, feed: 'log' },
  { facts: { mode: 'proc' }, feed: 'proc' },
  { facts: { mode: 'auto' }, feed: 'off' },
  { facts: { mode: 'auto', logExists: true }, feed: 'log' },
  { facts: { mode: 'auto', rtasErrdRuns: true }, feed: 'log' },
  { facts: { mode: 'auto', logExists: true, rtasErrdRuns: true }, feed: 'log' },
  { facts: { mode: 'auto', sourceLists: true, logExists: true, rtasErrdRuns: true }, feed: 'off' },
  { facts: { mode: 'auto', sourceLists: true, logIsNamed: true }, feed: 'log' },
] as const)('chooseFeed($facts) is $feed, without a warning', ({ facts, feed }) => {
  const choice = chooseFeed({ ...NOTHING, ...facts });
  expect(choice).toEqual({ feed, why: expect.any(String) as string });
});

test('chooseFeed warns when two programs would take events from each other', () => {
  expect(chooseFeed({ ...NOTHING, mode: 'proc', rtasErrdRuns: true }).warning).toMatch(/rtas_errd runs/);
});

test('chooseFeed never takes events by itself', () => {
  const flags = [false, true];
  const choices = flags.flatMap((sourceLists) =>
    flags.flatMap((logExists) =>
      flags.map((rtasErrdRuns) =>
        chooseFeed({ ...NOTHING, mode: 'auto', sourceLists, logExists, rtasErrdRuns }),
      ),
    ),
  );
  expect(choices.filter(({ feed }) => feed === 'proc')).toEqual([]);
});
