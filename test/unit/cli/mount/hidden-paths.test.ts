import { mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { checkNotHidden } from '../../../../src/cli/mount/hidden-paths.js';
import type { AnyOption } from '../../../../src/cli/options/option-kinds.js';
import { OPTIONS } from '../../../../src/cli/options/option-table.js';
import { parseOptions } from '../../../../src/cli/options/parse-options.js';

const mountpoint = realpathSync(mkdtempSync(join(tmpdir(), 'platdumpfs-hidden-')));
afterAll(() => rmSync(mountpoint, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

function check(place: string, ...args: string[]): void {
  checkNotHidden(place, parseOptions('mount', args).settings);
}

describe('checkNotHidden', () => {
  test.each([
    { option: '--sim-dir', below: '' },
    { option: '--sim-dir', below: '/dumps' },
    { option: '--trace-rtas', below: '/not/there/yet' },
    { option: '--lockdown-file', below: '/../' },
    { option: '--spool', below: '/spool' },
  ])('refuses to hide $option MOUNTPOINT$below', ({ option, below }) => {
    const path = `${mountpoint}${below}`;
    const given = below === '/../' ? `${path}${basename(mountpoint)}` : path;
    const failing = (): void => check(mountpoint, option, given);
    expect(failing).toThrow(`${option} `);
    expect(failing).toThrow('would be hidden');
  });

  test('finds it behind a symbolic link, unless that may lead into a mount that nobody serves', () => {
    const link = `${mountpoint}-link`;
    symlinkSync(mountpoint, link);
    const { settings } = parseOptions('mount', ['--sim-dir', join(link, 'x')]);
    try {
      expect(() => checkNotHidden(mountpoint, settings)).toThrow('would be hidden');
      expect(() => checkNotHidden(mountpoint, settings, true)).not.toThrow();
      expect(() => checkNotHidden(link, settings, true)).toThrow('would be hidden');
    } finally {
      rmSync(link);
    }
  });

  test.each([`${mountpoint}-beside`, '/', '/nonexistent'])('leaves --sim-dir %s alone', (path) => {
    expect(() => check(mountpoint, '--sim-dir', path)).not.toThrow();
  });

  test.each([
    { variable: 'RUNTIME_DIRECTORY', what: 'the runtime directory' },
    { variable: 'CACHE_DIRECTORY', what: 'the cache directory' },
  ])('refuses to hide what $variable says', ({ variable, what }) => {
    vi.stubEnv(variable, join(mountpoint, 'of-ours'));
    expect(() => check(mountpoint)).toThrow(`${what} ${mountpoint}/of-ours would be hidden`);
    vi.stubEnv(variable, `${mountpoint}-beside`);
    expect(() => check(mountpoint)).not.toThrow();
  });

  test('lets a cache directory be hidden that is not used', () => {
    vi.stubEnv('CACHE_DIRECTORY', join(mountpoint, 'cache'));
    expect(() => check(mountpoint, '--spool=none')).not.toThrow();
  });

  test.each([
    { place: '/' },
    { place: '/usr' },
    { place: '/proc' },
    { place: '/sys' },
    { place: dirname(process.execPath) },
    { place: '/var/log', what: 'the log of rtas_errd' },
  ])('refuses $place', ({ place, what = 'would be hidden' }) => {
    expect(() => check(realpathSync(place))).toThrow(what);
  });

  test('refuses the directory that the program is in', () => {
    expect(() => check(realpathSync('.'))).toThrow('the program in');
    expect(() => check(join(realpathSync('.'), 'node_modules'))).not.toThrow();
  });
});

test('every option of mount that names a path says whether the daemon uses it', () => {
  const options = Object.entries(OPTIONS) as [string, AnyOption][];
  const paths = options.filter(
    ([, option]) =>
      option.verbs.includes('mount') &&
      option.kind !== 'flag' &&
      /\b(?:PATH|DIR|FILE)\b/.test(option.metavar),
  );
  expect(paths.length).toBeGreaterThan(5);
  expect(paths.filter(([, option]) => option.usedWhileServing !== true)).toEqual([]);
});
