import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

function filesBelow(directory: string, suffix: string): readonly string[] {
  return readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith(suffix),
  );
}

/** Files that the program starts threads from, or names for them. */
const started = filesBelow('src', '.ts').flatMap((file) =>
  [...readFileSync(join(root, 'src', file), 'utf8').matchAll(/(?:threadEntry|startThread)\('([^']+)'/g)].map(
    ([, entry = '']) => entry,
  ),
);

test('what threads are started from is built, and nothing that they load is missing', () => {
  expect(started).toContain('transfer/hand-thread.js');
  expect(started).toContain('source/papr/papr-driver.js');
  const missing = started.filter((entry) => !existsSync(join(root, 'dist', entry)));
  expect(missing).toEqual([]);
});

test('the program is few files, all of them strict CommonJS without source maps', () => {
  const files = filesBelow('dist', '.js');
  // The threads and their drivers, the commands that are loaded when used, and what these share.
  expect(files.length).toBeLessThan(30);
  for (const file of files) {
    const text = readFileSync(join(root, 'dist', file), 'utf8');
    expect(text, file).toMatch(/^"use strict";/);
    expect(text, file).not.toContain('sourceMappingURL');
  }
  expect(JSON.parse(readFileSync(join(root, 'dist/package.json'), 'utf8'))).toEqual({ type: 'commonjs' });
});

/** Each thread that starts loads them, and so does the mount: they are to stay few. */
test.each([
  { entry: 'cli/mount-command.js', most: 3 },
  { entry: 'transfer/hand-thread.js', most: 2 },
  { entry: 'source/sim/sim-driver.js', most: 2 },
  { entry: 'memory/spool/spool-thread.js', most: 1 },
  { entry: 'fuse/kernel/device-reader.js', most: 1 },
  { entry: 'fuse/notification-writer.js', most: 1 },
])('$entry is loaded with at most $most files', ({ entry, most }) => {
  const loaded = loadedWith(join(root, 'dist', entry), new Set());
  expect(loaded.size).toBeLessThanOrEqual(most);
});

function loadedWith(path: string, found: Set<string>): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  // Those that are loaded later are in a function, so indented.
  const atOnce = readFileSync(path, 'utf8').matchAll(/^(?:const|let|var) .*require\("(\.[^"]+)"\)/gm);
  for (const [, file = ''] of atOnce) loadedWith(join(path, '..', file), found);
  return found;
}

test('npm packs the program, and neither what it was compiled to nor its tests', () => {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
  });
  const [packed] = JSON.parse(output) as { files: { path: string }[] }[];
  const paths = packed?.files.map(({ path }) => path) ?? [];
  for (const file of [
    'bin/platdumpfs',
    'dist/cli/main.js',
    'dist/package.json',
    'npm-shrinkwrap.json',
    'LICENSE',
  ])
    expect(paths).toContain(file);
  for (const entry of started) expect(paths).toContain(`dist/${entry}`);
  expect(paths.filter((path) => /^(?:build|src|test|scripts)\//.test(path))).toEqual([]);
});
