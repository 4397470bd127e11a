import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import {
  describeMount,
  KernelServerProcess,
  mountCount,
  TemporaryMountpoint,
} from '../../support/kernel-server-process.js';
import { mustRun, runTool } from '../../support/run-tool.js';

const MIB = 1024 * 1024;

describeMount('kernel transport ends', () => {
  test('by unmount, and leaves nothing', async () => {
    await using server = await KernelServerProcess.start();
    await server.add('a', MIB);
    await mustRun('cat', [server.path('a')]);
    // The kernel says it some time after close(2).
    await expect.poll(async () => (await server.stats()).openFiles).toBe(0);
    await server.command('unmount', { timeoutMs: 30_000 });
    expect(await server.nextEvent()).toMatchObject({ event: 'ended' });
    expect(mountCount(server.mountpoint)).toBe(0);
    expect(await server.stats()).toMatchObject({ openFiles: 0, devices: 0, pinned: 0 });
    expect(await server.exit(7)).toBe(7);
  });

  test('by umount(8)', async () => {
    await using server = await KernelServerProcess.start();
    await mustRun('umount', [server.mountpoint]);
    expect(await server.nextEvent()).toMatchObject({ event: 'ended' });
    await server.command('unmount', { timeoutMs: 0 });
    expect(await server.exit(0)).toBe(0);
  });

  test('by umount -f while somebody reads: he gets an error, the server ends', async () => {
    await using server = await KernelServerProcess.start();
    await server.add('slow', MIB);
    await server.hold('read');
    const reading = runTool('cat', [server.path('slow')]);
    await server.untilWaiting();
    await runTool('umount', ['-f', server.mountpoint]);
    expect(await server.nextEvent()).toMatchObject({ event: 'ended' });
    expect((await reading).status).toBe(1);
    expect(await server.exit(0)).toBe(0);
  });

  test.each([
    { holder: 'an open file', hold: (server: KernelServerProcess) => open(server.path('a')) },
    { holder: 'the open directory', hold: (server: KernelServerProcess) => open(server.mountpoint) },
  ])('by detaching while busy through $holder', async ({ hold }) => {
    await using server = await KernelServerProcess.start();
    await server.add('a', MIB);
    await using file = await hold(server);
    await server.command('unmount', { timeoutMs: 100 });
    expect(await server.nextEvent()).toMatchObject({ event: 'ended' });
    expect(mountCount(server.mountpoint)).toBe(0);
    expect((await server.stats()).devices).toBe(0);
    await expect(file.read(new Uint8Array(1), 0, 1, 0)).rejects.toThrow(/ENOTCONN|ECONNABORTED|EIO|EISDIR/);
    expect(await server.exit(5)).toBe(5);
  });

  test('by detaching while readers wait and pages are being forgotten', async () => {
    await using server = await KernelServerProcess.start();
    const ino = await server.add('slow', 64 * MIB);
    await server.hold('read');
    const readers = [1, 2, 3].map(() => runTool('cat', [server.path('slow')]));
    await server.untilWaiting();
    await server.emit({ kind: 'pages', ino });
    await server.emit({ kind: 'entry', name: 'slow' });
    await server.command('unmount', { timeoutMs: 100 });
    expect(await server.nextEvent()).toMatchObject({ event: 'ended' });
    expect((await Promise.all(readers)).map(({ status }) => status)).toEqual([1, 1, 1]);
    expect(await server.exit(6)).toBe(6);
  });

  test('although the mount lives on in another namespace', async ({ skip }) => {
    const can = await runTool('unshare', ['-m', 'true']).catch(() => undefined);
    if (can?.status !== 0) skip('no mount namespaces here');
    await using server = await KernelServerProcess.start();
    const elsewhere = spawn(
      'unshare',
      ['-m', '--propagation', 'private', 'sh', '-c', 'echo; exec sleep 60'],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    try {
      await once(elsewhere.stdout, 'data');
      await server.command('unmount', { timeoutMs: 100 });
      expect(await server.nextEvent()).toMatchObject({ event: 'ended' });
      expect(mountCount(server.mountpoint)).toBe(0);
      // Where the FUSE control filesystem is mounted the thread can be woken; else a signal ends the process.
      expect([0, 'SIGTERM']).toContain(await server.exit(0));
    } finally {
      elsewhere.kill('SIGKILL');
    }
  });

  test('by kill -9: ENOTCONN, and the next server clears it away', async () => {
    await using place = new TemporaryMountpoint();
    const { mountpoint } = place;
    await using killed = await KernelServerProcess.start({ mountpoint });
    await killed.add('a', MIB);
    await using file = await open(killed.path('a'));
    await killed.kill();
    await expect(stat(mountpoint)).rejects.toThrow('ENOTCONN');
    await expect(file.read(new Uint8Array(1), 0, 1, 0)).rejects.toThrow(/ENOTCONN|ECONNABORTED/);
    await using next = await KernelServerProcess.start({ mountpoint });
    expect(mountCount(mountpoint)).toBe(1);
    await next.add('b', 1);
    expect(await readdir(mountpoint)).toEqual(['b']);
  });

  test.each([
    { how: 'exiting', command: 'exit', status: 4 },
    { how: 'crashing', command: 'crash', status: 1 },
  ] as const)('by $how without unmounting: no hanging, and ENOTCONN', async ({ command, status }) => {
    await using server = await KernelServerProcess.start({ stdio: ['ignore', 'inherit', 'ignore', 'ipc'] });
    const ino = await server.add('slow', 64 * MIB);
    await using file = await open(server.path('slow'));
    await server.hold('read');
    const reading = runTool('cat', [server.path('slow')]);
    await server.untilWaiting();
    await server.emit({ kind: 'pages', ino });
    expect(await server.exitBy(command, { status })).toBe(status);
    expect((await reading).status).toBe(1);
    await expect(file.read(new Uint8Array(1), 0, 1, 0)).rejects.toThrow(/ENOTCONN|ECONNABORTED/);
    await expect(stat(server.mountpoint)).rejects.toThrow('ENOTCONN');
  });

  test('by kill -9 while everything is under way', async () => {
    await using server = await KernelServerProcess.start();
    const ino = await server.add('slow', 64 * MIB);
    await server.hold('read');
    const reading = runTool('cat', [server.path('slow')]);
    await server.untilWaiting();
    await server.emit({ kind: 'pages', ino });
    await server.kill();
    expect((await reading).status).toBe(1);
  });
});
