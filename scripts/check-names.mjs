#!/usr/bin/env node
// Fails when two files in src have the same name but do not mean the same: whoever looks for one finds the other.
import { readdirSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { root } from './setup.mjs';

/** Each folder in these holds one kind of what the room is about, so a name means the same in each: `papr/driver.ts`. */
const ALIKE = ['source', 'fuse'];

const src = join(root, 'src');
const files = readdirSync(src, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && entry.name !== 'index.ts')
  .map((entry) => relative(src, join(entry.parentPath, entry.name)));

const byName = new Map();
for (const file of files) byName.set(basename(file), [...(byName.get(basename(file)) ?? []), file]);
const ambiguous = [...byName].filter(([, paths]) => paths.length > 1 && !areAlike(paths));

const problems = ambiguous.map(
  ([name, paths]) => `${name} has two meanings: ${paths.map((path) => `src/${path}`).join(', ')}`,
);

function areAlike(paths) {
  const rooms = new Set(paths.map((path) => dirname(dirname(path))));
  return rooms.size === 1 && ALIKE.includes([...rooms][0]);
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(`${byName.size} names for ${files.length} files`);
