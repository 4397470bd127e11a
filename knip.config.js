// What is used, and by whom. `npm run unused` looks twice: for what nobody uses, and with --production for what only tests use.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const src = join(import.meta.dirname, 'src');
const withoutTests = process.argv.includes('--production');

/** Threads, their drivers and processes are started by name: startThread('room/file.js'), threadEntry(…), LineWriter.open(…). */
const startedByName = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) => [
    ...readFileSync(join(src, file), 'utf8').matchAll(
      /(?:threadEntry|startThread|LineWriter\.open)\('([^']+)\.js'/g,
    ),
  ])
  .map(([, entry]) => `src/${entry}.ts!`);

/** @type {import('knip').KnipConfig} */
export default {
  // An exclamation mark: part of the program that is shipped.
  entry: [
    'src/cli/main.ts!',
    // Loaded by scripts/man.mjs from what is compiled.
    'src/cli/options/man-page.ts!',
    'src/cli/options/completion.ts!',
    ...startedByName,
    'scripts/*.mjs',
    'bench/main.ts',
    'test/small/vitest.config.ts',
    'test/torture/vitest.config.ts',
    'test/torture/*.torture.ts',
    // Bundled by scripts/fuzz.mjs.
    'test/fuzz/main.ts',
    'bench/bare-loop-thread.ts',
    'test/pseries/check/*.{ts,mjs}',
    'test/containers/*.mjs',
  ],
  project: ['src/**/*.ts!', 'test/**/*.{ts,mts,mjs}', 'bench/**/*.{ts,mjs,cjs}', 'scripts/*.mjs'],
  // Types name what functions take and give. What a file uses itself may be tested as well.
  ignoreExportsUsedInFile: withoutTests || { interface: true, type: true },
  // Tests enter a room as others do, and may need more of it.
  // cockpit/ and csi/ are packages of their own, with dependencies of their own.
  ignoreIssues: {
    'cockpit/**': ['unlisted'],
    'test/containers/csi-call.mjs': ['unlisted'],
    ...(withoutTests ? { 'src/**/index.ts': ['exports', 'types'] } : {}),
  },
  // A package of its own.
  ignore: ['csi/**'],
  // Programs of the system.
  exclude: ['binaries'],
};
