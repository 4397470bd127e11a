import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inputsOf, readCorpus } from '../../test/fuzz/corpus.js';
import { Mutator } from '../../test/fuzz/mutate.js';
import { csiRequest } from './fuzz/targets/csi-request.js';

const CHANGED = 200;
const SEED = 1;

describe('requests that somebody made to break something', () => {
  const inputs = inputsOf(csiRequest, readCorpus(csiRequest, join(import.meta.dirname, 'fuzz/corpus')));

  test.each(inputs)('%s', async (_name, input) => {
    await csiRequest.run(input);
  });

  test(`${CHANGED} changed ones, the same each time`, async () => {
    expect(inputs.length).toBeGreaterThan(0);
    const known = inputs.map(([, input]) => input);
    const mutator = new Mutator(csiRequest.words, SEED);
    for (let left = CHANGED; left > 0; left -= 1)
      await csiRequest.run(mutator.mutate(mutator.oneOf(known)!, known));
  });
});
