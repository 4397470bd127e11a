import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';
import { PATIENCE_MS } from './test/support/patience.js';

/** Pure, or with threads that they end themselves: one process serves many such files, a new one for each takes longer. */
const WITHOUT_MOUNT = ['test/unit/**/*.test.ts', 'test/golden/**/*.test.ts', 'test/contract/**/*.test.ts'];

const shared = {
  // On a busy machine everything here is slow; what takes this long hangs.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: PATIENCE_MS } },
  pool: 'forks' as const,
};

export default defineConfig({
  test: {
    // Worker threads cannot load TypeScript: everything that starts one runs the compiled program.
    globalSetup: ['test/support/build-once.ts'],
    // Mounts, large copies and worker threads share few cores: more files at once only adds time-outs.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      { test: { ...shared, name: 'without mount', include: WITHOUT_MOUNT, isolate: false } },
      { test: { ...shared, name: 'mounted', include: ['test/**/*.test.ts'], exclude: WITHOUT_MOUNT } },
    ],
  },
});
