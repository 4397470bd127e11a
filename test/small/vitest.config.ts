import { defineConfig } from 'vitest/config';

/** What a mount does for its users, from its start to its end; of each pair of suites the one that takes less memory itself. */
const SUITES = [
  'directory',
  'ending',
  'faults',
  'interrupt',
  'lifecycle-dumps',
  'lifecycle',
  'memory',
  'removal',
  'sizes',
  'stall',
  'tools-share',
];

/** By `scripts/small-machine.sh`, which has made the machine small and the program before. */
export default defineConfig({
  test: {
    include: SUITES.map((suite) => `test/mount/${suite}.test.ts`),
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
