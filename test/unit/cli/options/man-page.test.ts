import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { manPage } from '../../../../src/cli/options/man-page.js';
import { longName } from '../../../../src/cli/options/option-kinds.js';
import { OPTIONS } from '../../../../src/cli/options/option-table.js';

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;

test('the man page names every option', () => {
  const page = manPage().replaceAll('\\-', '-');
  for (const key of Object.keys(OPTIONS)) expect(page).toContain(`--${longName(key)}`);
});

const noGroff = has('groff') ? '' : ' (skipped: no groff here)';

test.skipIf(noGroff !== '')(`the man page is sound troff${noGroff}`, () => {
  const { stdout, stderr, status } = spawnSync('groff', ['-man', '-Tutf8', '-ww'], {
    input: manPage(),
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('platdumpfs - IBM Power platform dumps as files');
});

const pages = [
  { name: 'platdumpfs.8', text: manPage() },
  ...['mount.platdumpfs.8', 'platdumpfs-semantics.7'].map((name) => ({
    name,
    text: readFileSync(new URL(`../../../../packaging/man/${name}`, import.meta.url), 'utf8'),
  })),
];

describe.skipIf(noGroff !== '')(`groff takes for clean${noGroff}`, () => {
  test.each(pages)('$name', ({ text }) => {
    const { status, stderr } = spawnSync('groff', ['-ww', '-man', '-Tutf8'], {
      input: text,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

const noMandoc =
  spawnSync('mandoc', ['-T', 'lint'], { input: '' }).error === undefined ? '' : ' (skipped: no mandoc here)';

describe.skipIf(noMandoc !== '')(`mandoc finds nothing to warn of in${noMandoc}`, () => {
  test.each(pages)('$name', ({ text }) => {
    const args = ['-T', 'lint', '-W', 'warning'];
    expect(spawnSync('mandoc', args, { input: text, encoding: 'utf8' }).stdout).toBe('');
  });
});

test('the man page has the sections that people look for', () => {
  const headings = [...manPage().matchAll(/^\.SH (.*)$/gm)].map(([, heading]) => heading);
  expect(headings).toEqual(
    expect.arrayContaining(['FILES', 'ENVIRONMENT', 'SIGNALS', 'EXAMPLES', 'EXIT STATUS']),
  );
});
