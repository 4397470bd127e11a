#!/usr/bin/env node
// Fails when a file imports from a higher room, or reaches into another room past its index.ts.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file may import from a lower rank or from its own room. `base` is imported file by file. */
const RANK = {
  base: 0,
  rtas: 1,
  lockdown: 1,
  source: 2,
  memory: 2,
  transfer: 3,
  dump: 4,
  announce: 5,
  fs: 5,
  fuse: 6,
  cli: 7,
};

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const src = join(root, 'src');
const problems = [];
let checked = 0;

for (const entry of readdirSync(src, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
  const file = join(entry.parentPath, entry.name);
  const room = roomOf(file);
  checked += 1;
  for (const [, specifier] of readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
    const target = resolve(dirname(file), specifier);
    const targetRoom = roomOf(target);
    const where = `${relative(root, file)} imports ${specifier}`;
    if (targetRoom === room) continue;
    if (!(targetRoom in RANK)) problems.push(`${where}: ${targetRoom} is not a room`);
    else if (RANK[targetRoom] >= RANK[room]) problems.push(`${where}: ${room} must not know ${targetRoom}`);
    else if (targetRoom !== 'base' && relative(join(src, targetRoom), target) !== 'index.js')
      problems.push(`${where}: enter ${targetRoom} through its index.ts`);
  }
}

function roomOf(path) {
  const room = relative(src, path).split(sep)[0] ?? '';
  return room.endsWith('.ts') ? '(top level)' : room;
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(`import direction holds in ${checked} files`);
