import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { reportLockdown } from '../../../src/lockdown/index.js';

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'platdumpfs-report-'))));
afterEach(() => rmSync(directory, { recursive: true }));

test.each([
  { text: '[none] integrity confidentiality\n', level: 'none', hidesDumps: false },
  { text: 'none [integrity] confidentiality\n', level: 'integrity', hidesDumps: false },
  { text: 'none integrity [confidentiality]\n', level: 'confidentiality', hidesDumps: true },
  { text: 'nothing of the kind\n', level: 'unknown', hidesDumps: true },
])('reportLockdown() of $text is $level', ({ text, level, hidesDumps }) => {
  const path = join(directory, 'lockdown');
  writeFileSync(path, text);
  expect(reportLockdown(path)).toMatchObject({ level, hidesDumps });
});

test.each([
  { fstype: 'securityfs', level: 'absent', hidesDumps: false },
  { fstype: 'tmpfs', level: 'unknown', hidesDumps: true },
])('reportLockdown() without a file in a $fstype is $level', ({ fstype, level, hidesDumps }) => {
  const mountinfo = `21 1 0:6 / ${directory} rw - ${fstype} ${fstype} rw\n`;
  expect(reportLockdown(join(directory, 'lockdown'), mountinfo)).toMatchObject({ level, hidesDumps });
});
