import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { longName } from '../../../src/cli/option-kinds.js';
import { OPTIONS } from '../../../src/cli/option-table.js';

const root = new URL('../../../', import.meta.url);
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(new URL('docs', root)).map((name) => `docs/${name}`),
];

/** Options of other programs that the text mentions. */
const FOREIGN = new Set(['--max-delete', '--version']);

test.each(documents)('%s names no option that does not exist', (name) => {
  const text = readFileSync(new URL(name, root), 'utf8');
  const own = new Set(Object.keys(OPTIONS).map((key) => `--${longName(key)}`));
  const unknown = [...text.matchAll(/--[a-z][a-z-]*/g)]
    .map(([option]) => option)
    .filter((option) => !own.has(option) && !FOREIGN.has(option));
  expect(unknown).toEqual([]);
});
