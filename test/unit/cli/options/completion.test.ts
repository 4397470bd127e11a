import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bashCompletion, fishCompletion, zshCompletion } from '../../../../src/cli/options/completion.js';
import { longName } from '../../../../src/cli/options/option-kinds.js';
import { OPTIONS } from '../../../../src/cli/options/option-table.js';

const TAG = '0x0000000200000001';

/** A directory that stands for a mount, and a findmnt(8) that names it. */
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'platdumpfs-completion-'));
  mkdirSync(join(directory, 'mnt'));
  mkdirSync(join(directory, 'bin'));
  writeFileSync(join(directory, 'mnt', TAG), '');
  writeFileSync(join(directory, 'bin/findmnt'), `#!/bin/sh\necho '${directory}/mnt'\n`, { mode: 0o755 });
});
afterAll(() => rmSync(directory, { recursive: true }));

function lines(program: string, args: readonly string[]): string[] {
  const env = { ...process.env, PATH: `${directory}/bin:${process.env['PATH'] ?? ''}`, HOME: directory };
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env, cwd: directory });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
}

const ROWS = [
  { words: ['platdumpfs', 'do'], expected: ['doctor'] },
  { words: ['platdumpfs', 'mount', '--cache'], expected: ['--cache-size'] },
  { words: ['platdumpfs', 'list', '--cache'], expected: [] },
  { words: ['platdumpfs', 'help', 'w'], expected: ['watch'] },
  { words: ['platdumpfs', 'mount', '--unlink', 'sa'], expected: ['saved'] },
  { words: ['platdumpfs', 'mount', 'pa'], expected: ['papr'] },
  { words: ['platdumpfs', 'info', '0x'], expected: [TAG] },
  { words: ['platdumpfs', 'umount', '/'], expected: ['MOUNTPOINT'] },
  { words: ['platdumpfs', 'save', '--mountpoint', '/'], expected: ['MOUNTPOINT'] },
  { words: ['platdumpfs', 'save', '0x'], expected: [TAG] },
];

describe('bash completion', () => {
  test.each([
    ...ROWS,
    { words: ['platdumpfs', 'mount', '--unlink', '=', 'sa'], expected: ['saved'] },
    { words: ['platdumpfs', 'mount', '--unlink', '='], expected: ['delivered', 'saved', 'force', 'never'] },
  ])('of $words is $expected', ({ words, expected }) => {
    const script = `${bashCompletion()}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _platdumpfs; printf '%s\\n' "\${COMPREPLY[@]}"`;
    expect(lines('bash', ['-c', script, 'bash', ...words])).toEqual(filledIn(expected));
  });
});

const noFish = spawnSync('fish', ['--version']).error === undefined ? '' : ' (skipped: no fish here)';

describe.skipIf(noFish !== '')(`fish completion${noFish}`, () => {
  test.each(ROWS)('of $words is $expected', ({ words, expected }) => {
    const script = `${fishCompletion()}\ncomplete -C '${words.join(' ')}'`;
    const offered = lines('fish', ['--no-config', '-c', script]).map((line) => line.split('\t')[0]);
    expect(offered).toEqual(expect.arrayContaining(filledIn(expected)));
    expect(offered).toHaveLength(expected.length);
  });
});

const noZsh = spawnSync('zsh', ['--version']).error === undefined ? '' : ' (skipped: no zsh here)';

test.skipIf(noZsh !== '')(`zsh takes its completion for sound${noZsh}`, () => {
  const file = join(directory, '_platdumpfs');
  writeFileSync(file, zshCompletion());
  expect(lines('zsh', ['-n', file])).toEqual([]);
});

test.each([
  { shell: 'bash', text: bashCompletion() },
  { shell: 'zsh', text: zshCompletion() },
  { shell: 'fish', text: fishCompletion().replaceAll(' -l ', ' --') },
])('the completion of $shell has every option', ({ text }) => {
  for (const key of Object.keys(OPTIONS)) expect(text).toContain(`--${longName(key)}`);
});

function filledIn(expected: readonly string[]): string[] {
  return expected.map((word) => (word === 'MOUNTPOINT' ? `${directory}/mnt` : word));
}
