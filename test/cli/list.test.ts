import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ListedDump } from '../../src/cli/listing.js';
import { Workshop } from './program.js';

const UNLOCKED = '[none] integrity confidentiality\n';
const LOCKED = 'none integrity [confidentiality]\n';

let workshop: Workshop;

beforeEach(() => {
  workshop = new Workshop();
});

afterEach(() => workshop[Symbol.asyncDispose]());

function listed(...args: string[]): ListedDump[] {
  const { status, stdout, stderr } = workshop.run('list', '--json', ...args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as ListedDump[];
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
    writeFileSync(level, LOCKED);
    const { status, stdout, stderr } = workshop.run('list', '--json');
    expect({ status, stdout }).toEqual({ status: 4, stdout: '[]\n' });
    expect(stderr).toBe(`platdumpfs: locked down, no dump may be shown at ${workshop.mountpoint}\n`);
    expect(workshop.exec('ls', [workshop.mountpoint]).stdout).toBe('');
    await daemon.said('kernel lockdown is at confidentiality');
  });

  test('asks for a name when several run', async () => {
    const other = workshop.path('other');
    workshop.exec('mkdir', [other]);
    await workshop.mount('--sim-dump=1:1K');
    const second = workshop.start('mount', 'sim', other, '--log-format=text', '--sim-dump=2:1K');
    await second.said('info: mounted');
    const { status, stderr } = workshop.run('list');
    expect(status).toBe(2);
    expect(stderr).toContain(`name one of them: ${workshop.mountpoint}, ${other}`);
    expect(listed(other)).toMatchObject([{ tag: '0x0000000000000002' }]);
    expect(await second.stop('SIGTERM')).toBe(0);
  });

  test('passes over the socket of a killed daemon', async () => {
    const daemon = await workshop.mount('--sim-dump=1:1K');
    await daemon.stop('SIGKILL');
    expect(workshop.run('list').status).toBe(3);
    expect(workshop.run('list', workshop.mountpoint).stderr).toContain('no platdumpfs of this user serves');
  });
});
