import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { replay } from './replay.js';
import { TARGETS } from './targets.js';

const CORPUS = join(import.meta.dirname, 'corpus');

test('every corpus has its target, and every target a corpus', () => {
  const names = TARGETS.map(({ name }) => `${name}.json`);
  expect(readdirSync(CORPUS).sort()).toEqual(names.sort());
});

for (const target of TARGETS) replay(target, CORPUS);
