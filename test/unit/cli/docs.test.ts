import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { longName } from '../../../src/cli/options/option-kinds.js';
import { OPTIONS } from '../../../src/cli/options/option-table.js';

const root = new URL('../../../', import.meta.url);
/** Documents for users of the program; others quote the command lines of other programs. */
const documents = [
  'README.md',
  'docs/service.md',
  'docs/semantics.md',
  'docs/errors.md',
  'docs/architecture.md',
  'docs/transports.md',
  'docs/lockdown.md',
  'docs/metrics.md',
];

/** Options of other programs that the text mentions. */
const FOREIGN = new Set([
  '--max-delete',
  '--now',
  '--unix-socket',
  '--version',
  '--device',
  '--cap-add',
  '--strip-components',
  '--omit',
  '--ignore-scripts',
  '--color',
]);

test.each(documents)('%s names no option that does not exist', (name) => {
  const text = readFileSync(new URL(name, root), 'utf8');
  const own = new Set(Object.keys(OPTIONS).map((key) => `--${longName(key)}`));
  const unknown = [...text.matchAll(/--[a-z][a-z-]*/g)]
    .map(([option]) => option)
    .filter((option) => !own.has(option) && !FOREIGN.has(option));
  expect(unknown).toEqual([]);
});
