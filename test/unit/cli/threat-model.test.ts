import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../../../', import.meta.url);
const rows = readFileSync(new URL('docs/threat-model.md', root), 'utf8')
  .split('\n')
  .filter((line) => /^\| (?!claim|---)/.test(line))
  .map((line) => {
    const [, claim = '', proof = ''] = line.split(' | ').join('|').split('|');
    const [, file, name] = /^`([^`]+)`: (.+)$/.exec(proof.trim()) ?? [];
    return { claim: claim.trim(), file, name: name?.replaceAll('`', '') };
  });

test('the table of claims is read', () => {
  expect(rows.length).toBeGreaterThan(30);
});

test.each(rows)('"$claim" has its test', ({ file, name }) => {
  expect(name?.length, 'written as `file`: name, long enough to be found nowhere else').toBeGreaterThan(18);
  const text = readFileSync(new URL(file!, root), 'utf8').replaceAll("\\'", "'");
  expect(text).toContain(name);
});
