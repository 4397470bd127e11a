import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
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
