import { defineConfig } from 'vitest/config';

/** Real mounts, plugin and daemon on few cores: one file after the other. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['test/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    pool: 'forks',
  },
});
