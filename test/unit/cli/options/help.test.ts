import { describe, expect, test } from 'vitest';
import { generalHelp, isVerb, verbHelp } from '../../../../src/cli/options/help.js';
import type { Verb } from '../../../../src/cli/options/option-kinds.js';
import { longName } from '../../../../src/cli/options/option-kinds.js';
import { optionsOf } from '../../../../src/cli/options/parse-options.js';

const VERBS: Verb[] = ['mount', 'umount', 'list', 'info', 'save', 'watch', 'doctor'];

describe('help', () => {
  test.each(VERBS)('on %s names every option with its default, and nothing twice', (verb) => {
    const help = verbHelp(verb);
    for (const [key, option] of optionsOf(verb)) {
      expect(help.match(new RegExp(`--${longName(key)}( |$)`, 'gm'))?.length).toBeGreaterThanOrEqual(1);
      if (option.kind === 'value') expect(help).toContain(`(default: ${option.default})`);
    }
  });

  test('in general names every command and every exit status', () => {
    for (const verb of VERBS) expect(generalHelp()).toContain(`platdumpfs ${verb} `);
    expect(generalHelp()).toMatch(
      /0 done.*1 failed.*2 usage.*3 no firmware.*4 locked down.*5 could not mount/,
    );
  });

  test.each([
    ...VERBS.map((word) => ({ word, verb: true })),
    { word: 'toString', verb: false },
    { word: 'x', verb: false },
  ])('isVerb($word) is $verb', ({ word, verb }) => {
    expect(isVerb(word)).toBe(verb);
  });

  test.each([generalHelp, ...VERBS.map((verb) => () => verbHelp(verb))])(
    'fits a terminal of 120 columns (%#)',
    (help) => {
      for (const line of help().split('\n')) expect(line.length).toBeLessThanOrEqual(120);
    },
  );
});
