import { describe, expect, test } from 'vitest';
import { allowedAt, parseLockdownLevel } from '../../../src/lockdown/index.js';

describe('parseLockdownLevel', () => {
  test.each([
    { text: '[none] integrity confidentiality\n', level: 'none' },
    { text: 'none [integrity] confidentiality\n', level: 'integrity' },
    { text: 'none integrity [confidentiality]\n', level: 'confidentiality' },
    { text: '[none] integrity confidentiality', level: 'none' },
    { text: 'none [integrity]\n', level: 'integrity' },
    { text: '[confidentiality]\n', level: 'confidentiality' },
    { text: '  [none]  integrity \n', level: 'none' },
    { text: '[integrity] something_newer\n', level: 'integrity' },
  ])('reads $text as $level', ({ text, level }) => {
    expect(parseLockdownLevel(text)).toBe(level);
  });

  test.each([
    { text: '', why: 'empty' },
    { text: '\n', why: 'an empty line' },
    { text: '   ', why: 'blank' },
    { text: 'none integrity confidentiality\n', why: 'no brackets' },
    { text: '[none] [integrity] confidentiality\n', why: 'two brackets' },
    { text: 'none [paranoia]\n', why: 'an unknown active word' },
    { text: '[]\n', why: 'empty brackets' },
    { text: '[none integrity\n', why: 'an open bracket' },
    { text: 'none integrity] confidentiality\n', why: 'a lone closing bracket' },
    { text: '[none ] integrity\n', why: 'a blank inside brackets' },
    { text: '[NONE] integrity\n', why: 'upper case' },
    { text: '[none]integrity\n', why: 'words run together' },
    { text: '[none] integrity\n[none]\n', why: 'two lines' },
    { text: '[none]\0integrity\n', why: 'a NUL byte' },
    { text: '[none] 0\n', why: 'a word that no level can be' },
    { text: '[none] 0integrity\n', why: 'a word that begins as no level does' },
    { text: '[none] integrity0\n', why: 'a word that ends as no level does' },
    { text: '[none]\u00a0integrity\n', why: 'another blank than the kernel writes' },
    { text: '\n[none] integrity', why: 'an empty first line' },
    { text: '[none] integrity\n\n', why: 'an empty second line' },
  ])('refuses $why', ({ text }) => {
    expect(parseLockdownLevel(text)).toBeUndefined();
  });
});

test.each([
  { level: 'none', dumps: true, physicalMemory: true },
  { level: 'integrity', dumps: true, physicalMemory: false },
  { level: 'confidentiality', dumps: false, physicalMemory: false },
  { level: undefined, dumps: false, physicalMemory: false },
] as const)('allowedAt($level) allows dumps: $dumps', ({ level, ...allowed }) => {
  expect(allowedAt(level)).toEqual(allowed);
});
