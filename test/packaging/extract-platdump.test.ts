import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CELLS, Mounted } from '../support/mounted.js';
import { Folder } from '../unit/announce/support/folder.js';

const PACKAGE = fileURLToPath(new URL('../../packaging/extract_platdump/', import.meta.url));
const NAME = '0x0000000200000001';
const OTHER = '0x0000000200000077';
const CONTENT = Buffer.from('a dump without a directory');

interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function shell(
  script: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd = PACKAGE,
): Finished {
  const options = { encoding: 'utf8', env: { ...process.env, ...env }, cwd, timeout: 60_000 } as const;
  const { status, stdout, stderr } = spawnSync('sh', [resolve(cwd, script), ...args], options);
  return { status, stdout, stderr };
}

/** A dump whose bytes suggest a name for it. */
function dumpNamed(name: string, content: string): Buffer {
  const dump = Buffer.alloc(200, content);
  dump.fill(0, 0, 72).write('FILE    ', 0);
  dump.writeUInt16BE(72, 8);
  dump.writeUInt16BE(1, 0x14);
  dump.write(name, 0x18, 'latin1');
  return dump;
}

describe('extract_platdump', () => {
  let mounted: Mounted;
  let saved: string;

  beforeEach(async () => {
    mounted = new Mounted(CELLS[0]!);
    saved = join(mounted.directory, 'saved');
    const side = JSON.stringify({ announced: false });
    writeFileSync(join(mounted.simDir, `${NAME}.json`), side);
    writeFileSync(join(mounted.simDir, NAME), CONTENT);
    await mounted.start(`--sim-dir=${mounted.simDir}`, `--trace-rtas=${mounted.tracePath}`);
  });

  afterEach(() => mounted[Symbol.asyncDispose]());

  /** Where the daemon has its control socket. */
  function env(): NodeJS.ProcessEnv {
    return { ...process.env, RUNTIME_DIRECTORY: join(mounted.directory, 'run') };
  }

  function extract(args: readonly string[], settings: Record<string, string> = {}): Finished {
    const config = join(mounted.directory, 'extract.conf');
    const lines = Object.entries({ MOUNTPOINT: mounted.mountpoint, ...settings });
    writeFileSync(config, lines.map(([name, value]) => `${name}='${value}'\n`).join(''));
    return shell('extract_platdump', args, { ...env(), PLATDUMPFS_EXTRACT_CONFIG: config });
  }

  function saveAndRemove(tag = NAME): Finished {
    return extract([tag], { SAVE: 'yes', REMOVE: 'yes', SAVE_DIR: saved });
  }

  function putDump(tag: string, content: Buffer): Buffer {
    rmSync(join(mounted.simDir, `${tag}.invalidated`), { force: true });
    writeFileSync(join(mounted.simDir, tag), content);
    return content;
  }

  test('makes the dump known that rtas_errd names, however it writes the tag, and prints its name', async () => {
    for (const tag of ['200000001', '0x200000001', '0X0000000200000001', NAME]) {
      expect(extract([tag])).toEqual({ status: 0, stdout: `${NAME}\n`, stderr: '' });
      expect(readdirSync(mounted.mountpoint)).toEqual([NAME]);
    }
    expect(await mounted.invalidations()).toEqual([]);
  });

  test('leaves the dump where it is unless told to copy', () => {
    extract([NAME], { SAVE_DIR: saved });
    expect(existsSync(saved)).toBe(false);
  });

  test('copies the dump, for root only, when told to', async () => {
    const { status, stdout } = extract(['-v', NAME], { SAVE: 'yes', SAVE_DIR: saved });
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${NAME}\n` });
    expect(readFileSync(join(saved, NAME))).toEqual(CONTENT);
    expect(statSync(join(saved, NAME)).mode & 0o077).toBe(0);
    expect(readdirSync(saved)).toEqual([NAME]);
    expect(await mounted.invalidations()).toEqual([]);
  });

  test('removes the dump from firmware after the copy when told to', async () => {
    expect(saveAndRemove()).toEqual({ status: 0, stdout: `${NAME}\n`, stderr: '' });
    expect(readFileSync(join(saved, NAME))).toEqual(CONTENT);
    expect(await mounted.invalidations()).toEqual([NAME]);
    expect(readdirSync(mounted.mountpoint)).toEqual([]);
  });

  test('removes the dump that it was called for, whatever name that suggests', async () => {
    const suggesting = putDump(NAME, dumpNamed(OTHER, 'one'));
    putDump(OTHER, CONTENT);
    readFileSync(join(mounted.mountpoint, OTHER));
    expect(saveAndRemove()).toEqual({ status: 0, stdout: `${OTHER}\n`, stderr: '' });
    expect(readFileSync(join(saved, OTHER))).toEqual(suggesting);
    expect(await mounted.invalidations()).toEqual([NAME]);
    expect(readdirSync(mounted.mountpoint)).toEqual([OTHER]);
  });

  test('keeps every copy of a tag that comes back with another dump', () => {
    const copies = ['one', 'two', 'three'].map((content) => {
      const dump = putDump(NAME, dumpNamed('SYSDUMP.A', content));
      const { status, stdout } = saveAndRemove();
      expect(status).toBe(0);
      return { name: stdout.trim(), dump };
    });
    expect(copies.map(({ name }) => name)).toEqual(['SYSDUMP.A', `SYSDUMP.A.${NAME}`, `SYSDUMP.A.${NAME}.2`]);
    for (const { name, dump } of copies) expect(readFileSync(join(saved, name))).toEqual(dump);
  });

  test('puts nothing into a directory that has the name of the copy', () => {
    const dump = putDump(NAME, dumpNamed('SYSDUMP.A', 'one'));
    mkdirSync(join(saved, 'SYSDUMP.A'), { recursive: true });
    expect(saveAndRemove().stdout).toBe(`SYSDUMP.A.${NAME}\n`);
    expect(readdirSync(join(saved, 'SYSDUMP.A'))).toEqual([]);
    expect(readFileSync(join(saved, `SYSDUMP.A.${NAME}`))).toEqual(dump);
  });

  test('keeps two dumps of one name apart that come at the same time', async () => {
    const dumps = [NAME, OTHER].map((tag) => putDump(tag, dumpNamed('SYSDUMP.A', tag)));
    const config = join(mounted.directory, 'extract.conf');
    writeFileSync(config, `MOUNTPOINT=${mounted.mountpoint}\nSAVE=yes\nREMOVE=yes\nSAVE_DIR=${saved}\n`);
    const options = { env: { ...env(), PLATDUMPFS_EXTRACT_CONFIG: config }, encoding: 'utf8' } as const;
    const running = [NAME, OTHER].map((tag) =>
      promisify(execFile)(join(PACKAGE, 'extract_platdump'), [tag], options),
    );
    const names = (await Promise.all(running)).map(({ stdout }) => stdout.trim());
    expect(names).toContain('SYSDUMP.A');
    expect(names.map((name) => readFileSync(join(saved, name)))).toEqual(dumps);
    expect([...(await mounted.invalidations())].sort()).toEqual([NAME, OTHER]);
  });

  test('gives up after the time that a copy may take, and leaves nothing of it', async () => {
    putDump(OTHER, Buffer.alloc(1_000_000));
    writeFileSync(join(mounted.simDir, `${OTHER}.json`), JSON.stringify({ latencyUs: 200_000 }));
    const settings = { SAVE: 'yes', REMOVE: 'yes', SAVE_DIR: saved, SAVE_TIMEOUT_S: '3' };
    const { status, stdout, stderr } = extract([OTHER], settings);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/no copy within 3 s\n.*the dump stays in firmware\n$/);
    expect(readdirSync(saved)).toEqual([]);
    expect(await mounted.invalidations()).toEqual([]);
  });

  test('removes nothing whose copy is in memory', async () => {
    const { status, stdout, stderr } = extract([NAME], {
      SAVE: 'yes',
      REMOVE: 'yes',
      SAVE_DIR: `/dev/shm/platdumpfs-test-${process.pid}`,
    });
    rmSync(`/dev/shm/platdumpfs-test-${process.pid}`, { recursive: true, force: true });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/is in memory.*\n.*stays in firmware/);
    expect(await mounted.invalidations()).toEqual([]);
  });

  test('asks no mount that another user made, and finds that of root by itself', () => {
    const [decoy, place] = [join(mounted.directory, 'decoy'), join(mounted.directory, 'place')];
    // In a mount namespace of its own: the mount of a user (who answers nothing) comes first, and no other is there.
    const script = `
      mkdir ${decoy} ${place} && exec 9<> /dev/fuse &&
      mount -i -t fuse.platdumpfs -o fd=9,rootmode=40000,user_id=1000,group_id=0 decoy ${decoy} &&
      mount --bind ${mounted.mountpoint} ${place} || exit 99
      for at in $(grep ' fuse.platdumpfs ' /proc/self/mounts | cut -d' ' -f2); do
        case $at in ${decoy} | ${place}) ;; *) umount -l "$at" ;; esac
      done
      exec ${join(PACKAGE, 'extract_platdump')} ${NAME}`;
    const settings = { ...env(), PLATDUMPFS_EXTRACT_CONFIG: '/nonexistent' };
    const options = { encoding: 'utf8', env: settings, timeout: 60_000 } as const;
    const { status, stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', script], options);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${NAME}\n`, stderr: '' });
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

  test('shows its usage without a tag and for an option that it has not, and refuses what is no tag', () => {
    for (const args of [[], ['-x', NAME]]) expect(extract(args)).toMatchObject({ status: 2, stdout: '' });
    for (const tag of ['0x', 'x', '0x12345678901234567', '../etc', '$(id)', '']) {
      const { status, stdout, stderr } = extract([tag]);
      expect({ tag, status, stdout }).toEqual({ tag, status: 1, stdout: '' });
      expect(stderr).toMatch(/is not a dump tag/);
    }
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

  test.each(['install.sh', 'remove.sh'])('%s leaves another program that was put in its place', (script) => {
    using root = new Folder();
    mkdirSync(root.at('usr/sbin'), { recursive: true });
    mkdirSync(root.at('var/lib/dpkg'), { recursive: true });
    root.write('var/lib/dpkg/status', '');
    root.write(TARGET, 'original');
    const env = { ROOT: root.path };
    expect(shell('install.sh', ['divert'], env).status).toBe(0);
    root.write(TARGET, 'of somebody else');
    const { status, stdout, stderr } = shell(script, script === 'install.sh' ? ['divert'] : [], env);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^\S+extract_platdump is not the program of platdumpfs[^\n]*\n$/);
    expect(readFileSync(root.at(TARGET), 'utf8')).toBe('of somebody else');
    expect(readFileSync(root.at(`${TARGET}.ppc64-diag`), 'utf8')).toBe('original');
  });
});

describe('install.sh and remove.sh', () => {
  test('work by a relative path, whatever CDPATH says', () => {
    using root = new Folder();
    mkdirSync(root.at('var/lib/dpkg'), { recursive: true });
    const env = { ROOT: root.path, CDPATH: '/tmp:.' };
    const parent = join(PACKAGE, '..');
    for (const script of ['install.sh', 'remove.sh']) {
      const args = script === 'install.sh' ? ['bind'] : [];
      const options = { encoding: 'utf8', env: { ...process.env, ...env }, cwd: parent } as const;
      const finished = spawnSync('sh', [`extract_platdump/${script}`, ...args], options);
      expect(finished).toMatchObject({ status: 0, stderr: '' });
    }
  });

  test('remove.sh claims nothing where nothing was installed', () => {
    using root = new Folder();
    mkdirSync(root.at('usr/sbin'), { recursive: true });
    mkdirSync(root.at('var/lib/dpkg'), { recursive: true });
    root.write(TARGET, 'original');
    const { status, stdout, stderr } = shell('remove.sh', [], { ROOT: root.path });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe('nothing to undo: install.sh has put nothing here\n');
    expect(readFileSync(root.at(TARGET), 'utf8')).toBe('original');
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
