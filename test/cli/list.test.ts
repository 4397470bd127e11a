import { chmodSync, chownSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ListedDump } from '../../src/cli/query/listed-dump.js';
import { writeLevel } from '../support/write-level.js';
import type { Running } from './program.js';
import { Workshop } from './program.js';

const TAG = '0x0000000000000001';
const UNLOCKED = '[none] integrity confidentiality\n';
const LOCKED = 'none integrity [confidentiality]\n';

let workshop: Workshop;
/** A daemon beside that of the workshop. */
let second: Running | undefined;

beforeEach(() => {
  workshop = new Workshop();
});

afterEach(async () => {
  await second?.stop('SIGTERM');
  second = undefined;
  await workshop[Symbol.asyncDispose]();
});

/** @returns the mount point of the second daemon */
async function secondMount(...args: string[]): Promise<string> {
  const mountpoint = workshop.path('other');
  mkdirSync(mountpoint);
  second = workshop.start('mount', 'sim', mountpoint, '--log-format=text', ...args);
  await second.said('info: mounted');
  return mountpoint;
}

function listed(...args: string[]): (ListedDump & { path?: string })[] {
  const { status, stdout, stderr } = workshop.run('list', '--json', ...args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as (ListedDump & { path?: string })[];
}

describe('list without a daemon', () => {
  test('shows what the source given announces, with the published fields', () => {
    const dumps = listed('--source=sim', '--sim-dump=0x200000001:1MiB');
    expect(dumps).toEqual([
      {
        tag: '0x0000000200000001',
        type: 'platform',
        size: 1024 ** 2,
        sizeOrigin: 'announced',
        state: 'new',
        delivered: 0,
        firstSeen: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
        source: 'sim',
        name: null,
        sha256: null,
      },
    ]);
  });

  test('prints a table for people', () => {
    const { stdout } = workshop.run('list', '--source', 'sim', '--sim-dump', '1:1MiB');
    expect(stdout).toMatch(/^TAG +TYPE +SIZE +STATE +DELIVERED +FIRST SEEN\n0x0{15}1 /);
  });

  test('says that it found no daemon before it says that it found no firmware', () => {
    const { status, stderr } = workshop.run('list');
    expect({ status, stderr }).toEqual({
      status: 3,
      stderr: expect.stringMatching(
        /^platdumpfs: no daemon of this user was found, and no firmware interface/,
      ) as string,
    });
    expect(workshop.run('list', '--source=opal', '--opal-dir=/nowhere').stderr).not.toContain('daemon');
  });

  test('calls no firmware', () => {
    writeFileSync(workshop.path('0x0000000200000001'), 'dump');
    expect(listed('--source=sim', `--sim-dir=${workshop.directory}`)).toMatchObject([
      { size: 4, delivered: 0 },
    ]);
  });

  test('says in one line what is wrong with a directory', () => {
    const { status, stderr } = workshop.run('list', '--source=sim', `--sim-dir=${workshop.path('none')}`);
    expect(stderr).toMatch(/^platdumpfs: [^\n]*ENOENT[^\n]*\n$/);
    expect(status).toBe(1);
  });

  test('shows nothing while locked down', () => {
    writeFileSync(workshop.path('lockdown'), LOCKED);
    const args = ['--source=sim', `--lockdown-file=${workshop.path('lockdown')}`];
    const json = workshop.run('list', '--json', ...args);
    expect({ status: json.status, stdout: json.stdout }).toEqual({ status: 4, stdout: '[]\n' });
    const table = workshop.run('list', ...args);
    expect({ status: table.status, stdout: table.stdout }).toEqual({ status: 4, stdout: '' });
    expect(table.stderr).toMatch(/^platdumpfs: locked down[^\n]*\n$/);
  });
});

describe('list of a running daemon', () => {
  test('is asked by mount point, in any spelling, or alone', async () => {
    await workshop.mount('--sim-dump=1:1MiB', '--sim-dump=2:2MiB');
    const tags = ['0x0000000000000001', '0x0000000000000002'];
    for (const args of [[], [workshop.mountpoint], [`${workshop.mountpoint}/../mnt/`]])
      expect(listed(...args).map(({ tag }) => tag)).toEqual(tags);
  });

  test('knows the name that a dump suggests once its beginning was fetched, without a call for it', async () => {
    const trace = workshop.path('trace');
    await workshop.mount('--sim-dump=1:1MiB', `--trace-rtas=${trace}`);
    expect(listed()).toMatchObject([{ name: null }]);
    workshop.exec('head', ['-c', '1', `${workshop.mountpoint}/${TAG}`]);
    expect(listed()).toMatchObject([{ name: expect.stringMatching(/DUMP\.10SIM00\./) as string }]);
    expect(readFileSync(trace, 'utf8').match(/"offset":0,/g)).toHaveLength(1);
  });

  test('knows what readers received', async () => {
    await workshop.mount('--sim-dump=1:64KiB');
    workshop.exec('cat', [`${workshop.mountpoint}/0x0000000000000001`]);
    expect(listed()).toMatchObject([{ size: 65536, delivered: 65536 }]);
  });

  test('is not asked when a source is given', async () => {
    await workshop.mount('--sim-dump=1:1MiB');
    expect(listed('--source=sim', '--sim-dump=9:1K')).toMatchObject([{ tag: '0x0000000000000009' }]);
  });

  test('shows nothing once lockdown rises', async () => {
    const level = workshop.path('lockdown');
    writeFileSync(level, UNLOCKED);
    const daemon = await workshop.mount('--sim-dump=1:1MiB', `--lockdown-file=${level}`);
    expect(listed()).toHaveLength(1);
    writeLevel(level, LOCKED);
    const { status, stdout, stderr } = workshop.run('list', '--json');
    expect({ status, stdout }).toEqual({ status: 4, stdout: '[]\n' });
    expect(stderr).toBe(`platdumpfs: locked down, no dump may be shown at ${workshop.mountpoint}\n`);
    expect(workshop.exec('ls', [workshop.mountpoint]).stdout).toBe('');
    await daemon.said('kernel lockdown is at confidentiality');
  });

  test('shows the dumps of all that run, and where they are', async () => {
    await workshop.mount('--sim-dump=1:1K');
    const other = await secondMount('--sim-dump=2:1K', '--sim-dump=1:2K');
    expect(listed().map(({ path }) => path)).toEqual([
      join(workshop.mountpoint, TAG),
      join(other, TAG),
      join(other, '0x0000000000000002'),
    ]);
    expect(listed(other)).toHaveLength(2);
    const { stdout } = workshop.run('list');
    expect(stdout).toMatch(/FIRST SEEN {11}MOUNTPOINT\n/);
    expect(stdout).toMatch(new RegExp(`${workshop.mountpoint}\\n0x0000000000000001 .* ${other}\\n`));
  });

  test('passes over the socket of a killed daemon', async () => {
    const daemon = await workshop.mount('--sim-dump=1:1K');
    await daemon.stop('SIGKILL');
    expect(workshop.run('list').status).toBe(3);
    expect(workshop.run('list', workshop.mountpoint).stderr).toContain('no platdumpfs of this user serves');
  });
});

describe('a daemon that does not answer', () => {
  let silent: string;

  beforeEach(async () => {
    await workshop.mount('--sim-dump=1:64K');
    silent = await secondMount('--sim-dump=2:64K');
    second?.child.kill('SIGSTOP');
  });

  afterEach(() => {
    second?.child.kill('SIGCONT');
  });

  const silence = (): string => `platdumpfs: ${silent}: the daemon does not answer\n`;

  test('is a line of its own, and hides no other', async () => {
    const [table, json, named] = await Promise.all([
      workshop.finish('list'),
      workshop.finish('list', '--json'),
      workshop.finish('list', silent),
    ]);
    expect(table).toMatchObject({ status: 1, stderr: silence() });
    expect(table.stdout).toMatch(/^TAG .*\n0x0000000000000001 .*\n$/);
    expect(json).toMatchObject({ status: 1, stderr: silence() });
    expect(JSON.parse(json.stdout)).toMatchObject([{ tag: TAG, path: join(workshop.mountpoint, TAG) }]);
    expect(listed(workshop.mountpoint)).toHaveLength(1);
    expect(named).toEqual({ status: 1, stdout: '', stderr: silence() });
  });

  test('keeps nobody from a dump of another mount', async () => {
    const out = workshop.path('out');
    mkdirSync(out);
    const watching = workshop.start('watch');
    const [known, unknown, saved, watched] = await Promise.all([
      workshop.finish('info', TAG),
      workshop.finish('info', '2'),
      workshop.finish('save', TAG, out),
      workshop.finish('watch', silent),
      watching.said(`platdumpfs: watching ${workshop.mountpoint}\n`),
    ]);
    expect(known).toMatchObject({ status: 0, stderr: '' });
    expect(unknown).toEqual({ status: 1, stdout: '', stderr: silence() });
    expect(saved).toMatchObject({ status: 0, stderr: silence() });
    expect(readdirSync(out)).toHaveLength(1);
    expect(watched).toEqual({ status: 1, stdout: '', stderr: silence() });
    expect(watching.stderr).toContain(silence());
    expect(await watching.stop('SIGINT')).toBe(0);
    const named = workshop.run('save', '--all', '--remove', out, `--mountpoint=${workshop.mountpoint}`);
    expect(named).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('a mount under another name, as a container sees it', () => {
  const bind = (from: string, to: string): void => {
    mkdirSync(to);
    expect(workshop.exec('mount', ['--bind', from, to])).toMatchObject({ status: 0, stderr: '' });
  };

  test.skipIf(process.getuid?.() !== 0)('is that of its daemon', async () => {
    await workshop.mount('--sim-dump=1:1K');
    const seen = workshop.path('seen');
    bind(workshop.mountpoint, seen);
    try {
      expect(listed(seen)).toMatchObject([{ tag: TAG, state: 'new', size: 1024 }]);
      expect(workshop.run('save', '1', workshop.directory, '--mountpoint', seen)).toMatchObject({
        status: 0,
        stderr: '',
      });
    } finally {
      workshop.exec('umount', [seen]);
    }
  });

  test.skipIf(process.getuid?.() !== 0)('tells of its dumps where there is no socket', async () => {
    await workshop.mount('--sim-dump=1:1K');
    workshop.exec('cat', [join(workshop.mountpoint, TAG)]);
    workshop.env['RUNTIME_DIRECTORY'] = workshop.path('nothing');
    expect(listed(workshop.mountpoint)).toMatchObject([
      {
        tag: TAG,
        type: 'type-0x0',
        size: 1024,
        state: 'complete',
        delivered: 1024,
        path: join(workshop.mountpoint, TAG),
      },
    ]);
    const saved = workshop.run(
      'save',
      '1',
      workshop.directory,
      '--remove',
      '--mountpoint',
      workshop.mountpoint,
    );
    expect(saved).toMatchObject({ status: 1, stdout: expect.stringContaining(`${TAG} saved`) as string });
    expect(saved.stderr).toContain('its daemon cannot be asked from here');
    expect(listed(workshop.mountpoint)).toHaveLength(1);
  });
});

describe('sockets that others could have made', () => {
  test.each([
    {
      what: 'that others may write to',
      prepare: (run: string) => chmodSync(run, 0o770),
      says: 'can be written',
    },
    {
      what: 'of another user',
      prepare: (run: string) => chownSync(run, 12345, 0),
      says: 'belongs to another',
    },
  ])('nobody is asked in a directory $what', async ({ prepare, says }) => {
    await workshop.mount('--sim-dump=1:1K');
    prepare(workshop.path('run'));
    for (const args of [
      ['list'],
      ['list', workshop.mountpoint],
      ['info', '1'],
      ['watch'],
      ['save', '1', '/'],
    ]) {
      const { status, stdout, stderr } = workshop.run(...args);
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toMatch(new RegExp(`^platdumpfs: no daemon is asked: \\S+ ${says}[^\\n]*\\n$`));
    }
  });
});

describe('list --watch', () => {
  test('shows the table again when a dump is removed, and ends by a signal with 0', async () => {
    await workshop.mount('--sim-dump=1:100', '--sim-dump=2:100');
    const running = workshop.start('list', '--watch');
    let shown = '';
    running.child.stdout?.on('data', (chunk: Buffer) => (shown += chunk.toString()));
    await expect.poll(() => shown, { timeout: 15_000 }).toMatch(/0x0{15}1 .*\n0x0{15}2 .*\n$/);
    workshop.exec('cat', [join(workshop.mountpoint, TAG)]);
    expect(workshop.exec('rm', [join(workshop.mountpoint, TAG)]).status).toBe(0);
    await expect.poll(() => shown, { timeout: 15_000 }).toMatch(/\n\nTAG .*\n0x0{15}2 .*\n$/);
    expect(await running.stop('SIGINT')).toBe(0);
    expect(running.stderr).toBe('');
  });

  test('ends with the status of list when lockdown rises', async () => {
    const level = workshop.path('lockdown');
    writeFileSync(level, UNLOCKED);
    await workshop.mount('--sim-dump=1:100', `--lockdown-file=${level}`);
    const running = workshop.start('list', '--watch');
    let shown = '';
    running.child.stdout?.on('data', (chunk: Buffer) => (shown += chunk.toString()));
    await expect.poll(() => shown, { timeout: 15_000 }).toContain(TAG);
    writeFileSync(level, LOCKED);
    expect(await running.exit()).toBe(4);
    expect(running.stderr).toMatch(/^platdumpfs: locked down[^\n]*\n$/);
  });
});
