import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Worker threads cannot load TypeScript: everything that starts one runs the compiled program.
    globalSetup: ['test/support/build-once.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Mounts, 200 MiB copies and worker threads share few cores: more files at once only adds time-outs.
    maxWorkers: 2,
  },
});
