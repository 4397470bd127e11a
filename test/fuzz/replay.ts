import { describe, expect, test } from 'vitest';
import { inputsOf, readCorpus } from './corpus.js';
import { Mutator } from './mutate.js';
import type { FuzzTarget } from './target.js';

const CHANGED = 200;
const SEED = 1;

/** Tests of the inputs that are kept, and of changed ones. @param directory of the target's corpus */
export function replay(target: FuzzTarget, directory: string): void {
  describe(target.name, () => {
    const inputs = inputsOf(target, readCorpus(target, directory));

    test.each(inputs)('%s', async (_name, input) => {
      await target.run(input);
    });

    test(`${CHANGED} changed inputs, the same each time`, async () => {
      expect(inputs.length).toBeGreaterThan(0);
      const known = inputs.map(([, input]) => input);
      const mutator = new Mutator(target.words, SEED);
      for (let left = CHANGED; left > 0; left -= 1)
        await target.run(mutator.mutate(mutator.oneOf(known)!, known));
    });
  });
}
