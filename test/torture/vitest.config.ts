import { defineConfig } from 'vitest/config';

/** Not part of `npm test`: `npm run torture`. */
export default defineConfig({
  test: {
    include: ['test/torture/*.torture.ts'],
    globalSetup: ['test/support/build-once.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 4 * 3_600_000,
    hookTimeout: 60_000,
  },
});
