import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseOptions } from '../../src/cli/options/parse-options.js';
import { PROGRAM, Workshop } from '../cli/program.js';

const unit = readFileSync(new URL('../../packaging/systemd/platdumpfs.service', import.meta.url), 'utf8');
const settings = unit.split('\n').filter((line) => /^[A-Z]\w+=/.test(line));

/** @see systemd.exec(5): each of these gives a service a mount namespace, whose mounts the host does not see */
const NAMESPACES =
  /^(Protect(System|Home|KernelTunables|KernelModules|KernelLogs|ControlGroups|Proc)|Private\w+|(ReadOnly|ReadWrite|Inaccessible|Exec|NoExec)Paths|Bind(ReadOnly)?Paths|TemporaryFileSystem|Root\w+|DynamicUser|MountFlags|ProcSubset)=/;

test('platdumpfs.service mounts where everybody sees it', () => {
  expect(settings.filter((line) => NAMESPACES.test(line))).toEqual([]);
});

test('platdumpfs.service calls the program as it wants to be called', () => {
  const [start = ''] = settings.filter((line) => line.startsWith('ExecStart='));
  const [program, verb, ...args] = start
    .slice('ExecStart='.length)
    .replaceAll('%S', '/var/lib')
    .replace('$PLATDUMPFS_OPTIONS', '--source=sim')
    .replace('${PLATDUMPFS_MOUNTPOINT}', '/mnt/dumps')
    .split(' ');
  expect([program, verb]).toEqual(['/usr/bin/platdumpfs', 'mount']);
  expect(parseOptions('mount', args)).toMatchObject({
    settings: { stateFile: '/var/lib/platdumpfs/tags', source: 'sim', daemon: false },
    positionals: ['/mnt/dumps'],
  });
});

test('platdumpfs.service keeps bytes of dumps off the disk, and does not try what cannot work', () => {
  expect(settings).toEqual(
    expect.arrayContaining([
      'LimitCORE=1',
      'MemorySwapMax=0',
      'RestartPreventExitStatus=2 3 4',
      'UMask=0077',
    ]),
  );
});

/** What systemd-analyze(1) gives it, in tenths: 0 is what can do nothing at all. A service that mounts has CAP_SYS_ADMIN. */
const EXPOSURE = 37;
const score = (threshold: number): ReturnType<typeof spawnSync> =>
  spawnSync('systemd-analyze', [
    ...['security', '--offline=true', '--no-pager', `--threshold=${threshold}`],
    new URL('../../packaging/systemd/platdumpfs.service', import.meta.url).pathname,
  ]);
const noScore = score(100).status === 0 ? '' : ' (skipped: no systemd-analyze that looks at files here)';

test.skipIf(noScore !== '')(`platdumpfs.service is exposed no more than it was${noScore}`, () => {
  expect(score(EXPOSURE).status).toBe(0);
  expect(score(EXPOSURE - 1).status, 'better: say so here and in docs/threat-model.md').not.toBe(0);
});

const noSetpriv =
  spawnSync('setpriv', ['--version']).error === undefined ? '' : ' (skipped: no setpriv here)';

let workshop: Workshop;
beforeEach(() => {
  workshop = new Workshop();
});
afterEach(() => workshop[Symbol.asyncDispose]());

test.skipIf(noSetpriv !== '')(`the capabilities of platdumpfs.service are enough${noSetpriv}`, () => {
  const [line = ''] = settings.filter((candidate) => candidate.startsWith('CapabilityBoundingSet='));
  const names = line.slice('CapabilityBoundingSet='.length).split(' ');
  const kept = names.map((name) => `+${name.replace('CAP_', '').toLowerCase()}`).join(',');
  const confined = ['--no-new-privs', `--bounding-set=-all,${kept}`, process.execPath, PROGRAM];
  const args = ['mount', 'sim', workshop.mountpoint, '--daemon', '--transport=kernel', '--sim-dump=1:100K'];
  const state = [`--state-file=${workshop.path('tags')}`, `--spool=${workshop.path('spool')}`];
  expect(workshop.exec('setpriv', [...confined, ...args, ...state])).toMatchObject({ status: 0 });
  expect(workshop.run('save', '--all', '--remove', workshop.directory)).toMatchObject({
    status: 0,
    stderr: '',
  });
  expect(readdirSync(workshop.mountpoint)).toEqual([]);
  expect(workshop.run('umount', workshop.mountpoint).status).toBe(0);
  expect(workshop.mounts).toBe(0);
});
