import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  describeMount,
  KernelServerProcess,
  mountCount,
  TemporaryMountpoint,
} from '../../support/kernel-server-process.js';
import { mustRun } from '../../support/run-tool.js';

const FUSE_OPTIONS = 'rootmode=40000,user_id=0,group_id=0,default_permissions';

describeMount('kernel transport mounts', () => {
  test('with the options that it is given', async () => {
    await using server = await KernelServerProcess.start({ kernelOptions: ['noexec', 'noatime'] });
    const { stdout } = await mustRun('findmnt', ['-no', 'SOURCE,FSTYPE,OPTIONS', server.mountpoint]);
    expect(stdout).toMatch(/^memory\s+fuse\.platdumpfs\s/);
    expect(stdout.trim().split(/\s+/)[2]?.split(',')).toEqual(
      expect.arrayContaining(['nosuid', 'nodev', 'noexec', 'noatime', 'default_permissions']),
    );
  });

  test('and lets the kernel read ahead 1 MiB', async () => {
    await using server = await KernelServerProcess.start();
    const { stdout } = await mustRun('mountpoint', ['-d', server.mountpoint]);
    expect(readFileSync(`/sys/class/bdi/${stdout.trim()}/read_ahead_kb`, 'utf8')).toBe('1024\n');
  });

  test('read-only: rm is EROFS', async () => {
    await using server = await KernelServerProcess.start({ kernelOptions: ['ro'] });
    await server.add('a', 1);
    await expect(unlink(server.path('a'))).rejects.toThrow('EROFS');
  });

  test.each([
    { how: 'blocking', flags: constants.O_RDWR },
    { how: 'non-blocking', flags: constants.O_RDWR | constants.O_NONBLOCK },
  ])(
    'a $how device that somebody else mounts, as /dev/fd/N, and leaves the mount to him',
    async ({ flags }) => {
      await using place = new TemporaryMountpoint();
      const fd = openSync('/dev/fuse', flags);
      await using server = KernelServerProcess.unmounted({
        mountpoint: '/dev/fd/4',
        stdio: ['ignore', 'inherit', 'inherit', 'ipc', fd],
      });
      const options = [
        '-i',
        '-t',
        'fuse.platdumpfs',
        '-o',
        `fd=3,${FUSE_OPTIONS}`,
        'memory',
        place.mountpoint,
      ];
      expect(spawnSync('mount', options, { stdio: ['ignore', 'ignore', 'inherit', fd] }).status).toBe(0);
      closeSync(fd);
      expect(await server.nextEvent()).toMatchObject({ event: 'mounted' });
      await server.add('a', 1);
      expect(await readdir(place.mountpoint)).toEqual(['a']);
      await server.command('unmount', { timeoutMs: 0 });
      expect(await server.nextEvent()).toMatchObject({ event: 'ended' });
      expect(mountCount(place.mountpoint)).toBe(1);
      await expect(readdir(place.mountpoint)).rejects.toThrow('ENOTCONN');
      expect(await server.exit(3)).toBe(3);
    },
  );

  test.each([
    { what: 'nothing', name: 'missing', says: 'does not exist' },
    { what: 'a file', name: 'file', says: 'is not a directory' },
  ])('not on $what, and says so', async ({ name, says }) => {
    await using place = new TemporaryMountpoint();
    const file = join(place.mountpoint, 'file');
    writeFileSync(file, '');
    const mountpoint = join(place.mountpoint, name);
    await expect(KernelServerProcess.start({ mountpoint })).rejects.toThrow(
      new RegExp(`mount point ${mountpoint} ${says}`),
    );
    await rm(file);
  });

  test('not with options that the kernel does not know, and says why', async () => {
    const started = KernelServerProcess.start({ kernelOptions: ['no_such_option'] });
    await expect(started).rejects.toThrow(/^cannot mount at .*: mount: /);
  });

  test('not where it is mounted already', async () => {
    await using server = await KernelServerProcess.start();
    const { mountpoint } = server;
    await expect(KernelServerProcess.start({ mountpoint, keepMounts: true })).rejects.toThrow(
      'already mounted',
    );
    expect(mountCount(mountpoint)).toBe(1);
  });
});
