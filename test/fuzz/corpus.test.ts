import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inputsOf, readCorpus } from './corpus.js';
import { Mutator } from './mutate.js';
import { TARGETS } from './targets.js';

const CORPUS = join(import.meta.dirname, 'corpus');
const CHANGED = 200;
const SEED = 1;

test('every corpus has its target, and every target a corpus', () => {
  const names = TARGETS.map(({ name }) => `${name}.json`);
  expect(readdirSync(CORPUS).sort()).toEqual(names.sort());
});

describe.each(TARGETS)('$name', (target) => {
  const inputs = inputsOf(target, readCorpus(target, CORPUS));

  test.each(inputs)('%s', async (_name, input) => {
    await target.run(input);
  });

  test(`${CHANGED} changed inputs, the same each time`, async () => {
    const known = inputs.map(([, input]) => input);
    const mutator = new Mutator(target.words, SEED);
    for (let left = CHANGED; left > 0; left -= 1)
      await target.run(mutator.mutate(mutator.oneOf(known)!, known));
  });
});
