import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseOptions } from '../../src/cli/parse-options.js';

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
      'LimitCORE=0',
      'MemorySwapMax=0',
      'RestartPreventExitStatus=2 3 4',
      'UMask=0077',
    ]),
  );
});
