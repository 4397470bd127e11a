import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CELLS, Mounted } from '../support/mounted.js';
import { Folder } from '../unit/announce/support/folder.js';

const PACKAGE = fileURLToPath(new URL('../../packaging/extract_platdump/', import.meta.url));
const NAME = '0x0000000200000001';
const CONTENT = Buffer.from('a dump without a directory');

interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function shell(script: string, args: readonly string[], env: Record<string, string> = {}): Finished {
  const options = { encoding: 'utf8', env: { ...process.env, ...env }, timeout: 60_000 } as const;
  const { status, stdout, stderr } = spawnSync('sh', [join(PACKAGE, script), ...args], options);
  return { status, stdout, stderr };
}

describe('extract_platdump', () => {
  let mounted: Mounted;

  beforeEach(async () => {
    mounted = new Mounted(CELLS[0]!);
    const side = JSON.stringify({ announced: false });
    writeFileSync(join(mounted.simDir, `${NAME}.json`), side);
    writeFileSync(join(mounted.simDir, NAME), CONTENT);
    await mounted.start(`--sim-dir=${mounted.simDir}`, `--trace-rtas=${mounted.tracePath}`);
  });

  afterEach(() => mounted[Symbol.asyncDispose]());

  function extract(args: readonly string[], settings: Record<string, string> = {}): Finished {
    const config = join(mounted.directory, 'extract.conf');
    const lines = Object.entries({ MOUNTPOINT: mounted.mountpoint, ...settings });
    writeFileSync(config, lines.map(([name, value]) => `${name}='${value}'\n`).join(''));
    return shell('extract_platdump', args, { PLATDUMPFS_EXTRACT_CONFIG: config });
  }

  test.each([NAME, '0x200000001', '200000001', '0X0000000200000001'])(
    'makes the dump known that rtas_errd calls %s, and prints its name',
    async (tag) => {
      expect(extract([tag])).toEqual({ status: 0, stdout: `${NAME}\n`, stderr: '' });
      expect(readdirSync(mounted.mountpoint)).toEqual([NAME]);
      expect(await mounted.invalidations()).toEqual([]);
    },
  );

  test('leaves the dump where it is unless told to copy', () => {
    extract([NAME], { SAVE_DIR: join(mounted.directory, 'saved') });
    expect(existsSync(join(mounted.directory, 'saved'))).toBe(false);
  });

  test('copies the dump, for root only, when told to', async () => {
    const saved = join(mounted.directory, 'saved');
    const { status, stdout } = extract(['-v', NAME], { SAVE: 'yes', SAVE_DIR: saved });
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${NAME}\n` });
    expect(readFileSync(join(saved, NAME))).toEqual(CONTENT);
    expect(statSync(join(saved, NAME)).mode & 0o077).toBe(0);
    expect(readdirSync(saved)).toEqual([NAME]);
    expect(await mounted.invalidations()).toEqual([]);
  });

  test('removes the dump from firmware after the copy when told to', async () => {
    const saved = join(mounted.directory, 'saved');
    expect(extract([NAME], { SAVE: 'yes', SAVE_DIR: saved, REMOVE: 'yes' }).status).toBe(0);
    expect(readFileSync(join(saved, NAME))).toEqual(CONTENT);
    expect(await mounted.invalidations()).toEqual([NAME]);
    expect(readdirSync(mounted.mountpoint)).toEqual([]);
  });

  test('keeps the dump when it cannot be copied', async () => {
    const { status, stdout, stderr } = extract([NAME], {
      SAVE: 'yes',
      SAVE_DIR: '/dev/full/x',
      REMOVE: 'yes',
    });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/stays in firmware/);
    expect(await mounted.invalidations()).toEqual([]);
  });

  test('fails for a dump that firmware does not have, and goes on with the next', () => {
    const { status, stdout, stderr } = extract(['0x200000099', NAME]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: `${NAME}\n` });
    expect(stderr).toMatch(/0x0000000200000099.*No such file/);
  });

  test('fails where nothing is mounted', () => {
    const { status, stdout, stderr } = extract([NAME], { MOUNTPOINT: mounted.simDir });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/not on a mount of platdumpfs/);
  });

  test.each([[], ['-x', NAME]])('shows its usage for %j', (...args) => {
    expect(extract(args)).toMatchObject({ status: 2, stdout: '' });
  });

  test.each(['0x', 'x', '0x12345678901234567', '../etc', '$(id)', ''])('refuses %j', (tag) => {
    const { status, stdout, stderr } = extract([tag]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/is not a dump tag/);
  });
});

const canDivert = spawnSync('dpkg-divert', ['--version']).status === 0;
const TARGET = 'usr/sbin/extract_platdump';

describe.skipIf(!canDivert)(`install.sh divert${canDivert ? '' : ' (skipped: no dpkg-divert)'}`, () => {
  test('moves the original aside, twice as well as once, and remove.sh brings it back', () => {
    using root = new Folder();
    mkdirSync(root.at('usr/sbin'), { recursive: true });
    mkdirSync(root.at('var/lib/dpkg'), { recursive: true });
    root.write('var/lib/dpkg/status', '');
    root.write(TARGET, 'original');
    const env = { ROOT: root.path };
    for (let times = 0; times < 2; times += 1) {
      expect(shell('install.sh', ['divert'], env)).toMatchObject({ status: 0, stderr: '' });
      expect(readFileSync(root.at(TARGET), 'utf8')).toMatch(/of platdumpfs/);
      expect(readFileSync(root.at(`${TARGET}.ppc64-diag`), 'utf8')).toBe('original');
    }
    for (let times = 0; times < 2; times += 1) {
      expect(shell('remove.sh', [], env)).toMatchObject({ status: 0, stderr: '' });
      expect(readFileSync(root.at(TARGET), 'utf8')).toBe('original');
      expect(existsSync(root.at(`${TARGET}.ppc64-diag`))).toBe(false);
    }
    expect(existsSync(root.at('etc/platdumpfs/extract_platdump.conf'))).toBe(true);
  });
});

describe('install.sh bind', () => {
  test('gives rtas_errd alone another program, and remove.sh takes it away', () => {
    using root = new Folder();
    mkdirSync(root.at('var/lib/dpkg'), { recursive: true });
    const env = { ROOT: root.path };
    expect(shell('install.sh', ['bind'], env)).toMatchObject({ status: 0, stderr: '' });
    const dropIn = root.at('etc/systemd/system/rtas_errd.service.d/platdumpfs.conf');
    expect(readFileSync(dropIn, 'utf8')).toMatch(
      /^\[Service\]\nBindReadOnlyPaths=\/usr\/libexec\/platdumpfs\/extract_platdump:\/usr\/sbin\/extract_platdump$/m,
    );
    expect(statSync(root.at('usr/libexec/platdumpfs/extract_platdump')).mode & 0o777).toBe(0o755);
    expect(shell('remove.sh', [], env)).toMatchObject({ status: 0, stderr: '' });
    expect(existsSync(dropIn)).toBe(false);
    expect(existsSync(root.at('usr/libexec/platdumpfs'))).toBe(false);
  });

  test('knows no other method', () => {
    expect(shell('install.sh', ['overwrite']).status).toBe(2);
  });
});
