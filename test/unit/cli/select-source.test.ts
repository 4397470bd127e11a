import { expect, test } from 'vitest';
import { chooseSource, needsKnownLockdown } from '../../../src/cli/select-source.js';

test('chooseSource takes sim', () => {
  expect(chooseSource('sim')).toBe('sim');
});

test.each(['auto', 'papr', 'librtas', 'opal'] as const)(
  'chooseSource(%s) ends with status 3 and mentions sim',
  (name) => {
    const failing = (): unknown => chooseSource(name);
    expect(failing).toThrow('--source sim');
    expect(failing).toThrow(expect.objectContaining({ status: 3 }));
  },
);

test('needsKnownLockdown spares simulated dumps', () => {
  expect(needsKnownLockdown('sim')).toBe(false);
});
