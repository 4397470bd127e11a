import { defineConfig } from 'vitest/config';

/**
 * What a mount does for its users, from its start to its end. Not among them, because a machine like this cannot do it:
 * 32 dumps in transfer at once (stall), a dump of 40 MiB read once from the cache (tools-share).
 */
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
