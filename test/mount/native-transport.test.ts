import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readdir, rmdir, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { loadFuseNative } from '../../src/fuse/native/addon.js';
import { findHolders } from '../../src/fuse/mount-holders.js';
import { mountsAt } from '../../src/fuse/mount-table.js';
import type { ServerOptions } from '../support/kernel-server-process.js';
import {
  describeMount,
  KernelServerProcess,
  mountCount,
  readAt,
  TemporaryMountpoint,
} from '../support/kernel-server-process.js';
import { memoryContent, memoryDigest } from '../support/memory-filesystem.mjs';
import { mustRun, runTool } from '../support/run-tool.js';
import { PATIENCE } from '../support/patience.js';

const MIB = 1024 * 1024;
const FIVE_GIB = 5 * 1024 * MIB + 123;
/** What nobody waits for takes, on a busy machine. */
const AT_ONCE_MS = 20_000;

function start(options: ServerOptions = {}): Promise<KernelServerProcess> {
  return KernelServerProcess.start({ ...options, env: { TRANSPORT: 'fuse-native', ...options.env } });
}

async function reads(server: KernelServerProcess): Promise<number> {
  return (await server.stats()).calls['read'] ?? 0;
}

const loaded = loadFuseNative();

describe.skipIf(!loaded.ok)(
  loaded.ok ? 'with fuse-native' : `with fuse-native (skipped: ${loaded.why})`,
  () => {
    describeMount('fuse-native transport serves', () => {
      test('a mount of our type, with the options that it is given', async () => {
        await using server = await start({ kernelOptions: ['noexec', 'noatime'] });
        expect(mountsAt(server.mountpoint)).toMatchObject([{ fstype: 'fuse.platdumpfs', source: 'memory' }]);
        const { stdout } = await mustRun('findmnt', ['-no', 'OPTIONS', server.mountpoint]);
        expect(stdout.trim().split(',')).toEqual(
          expect.arrayContaining(['nosuid', 'nodev', 'noexec', 'noatime', 'default_permissions']),
        );
      });

      test.each([0, 1, 4096, 5 * MIB + 7])('%i bytes', async (size) => {
        await using server = await start();
        const ino = await server.add('a', size);
        expect(await stat(server.path('a'))).toMatchObject({ size, ino, blocks: Math.ceil(size / 512) });
        expect((await mustRun('cat', [server.path('a')])).sha256).toBe(memoryDigest('a', size));
        expect(await server.stats()).toMatchObject({ delivered: [size], pinned: 0 });
      });

      test('sizes and offsets beyond 4 GiB', async () => {
        await using server = await start();
        await server.add('big', FIVE_GIB);
        expect(await stat(server.path('big'))).toMatchObject({
          size: FIVE_GIB,
          blocks: Math.ceil(FIVE_GIB / 512),
        });
        await using file = await open(server.path('big'));
        for (const offset of [2 ** 32 - 7, 2 ** 32, FIVE_GIB - 100]) {
          expect(await readAt(file, offset, 100)).toEqual(memoryContent('big', offset, 100));
        }
        expect(await readAt(file, FIVE_GIB - 3, 100)).toEqual(memoryContent('big', FIVE_GIB - 3, 3));
        expect(await readAt(file, FIVE_GIB, 100)).toHaveLength(0);
      });

      test('long listings, extended attributes and statfs', async () => {
        await using server = await start();
        const names = Array.from({ length: 1500 }, (_, index) => `file${index}`);
        for (const name of names) await server.add(name, 1);
        expect((await readdir(server.mountpoint)).sort()).toEqual([...names].sort());
        expect(await statfs(server.mountpoint)).toMatchObject({ blocks: 1000, bfree: 0, files: 1500 });
        const { stdout } = await mustRun('getfattr', ['-d', '--absolute-names', server.path('file7')]);
        expect(stdout).toContain('user.memory.name="file7"');
      });

      test('everybody else while reads of one file wait', async () => {
        await using server = await start();
        await server.add('slow', 8 * MIB);
        await server.add('other', MIB);
        await server.hold('read', 'slow');
        const waiting = Array.from({ length: 30 }, (_, index) =>
          runTool('dd', [
            `if=${server.path('slow')}`,
            'bs=4k',
            `skip=${64 * index}`,
            'count=1',
            'status=none',
          ]),
        );
        await vi.waitUntil(async () => (await server.stats()).waiting >= 30, PATIENCE);
        const began = performance.now();
        expect(await readdir(server.mountpoint)).toHaveLength(2);
        expect((await stat(server.path('slow'))).size).toBe(8 * MIB);
        expect((await mustRun('cat', [server.path('other')])).sha256).toBe(memoryDigest('other', MIB));
        await mustRun('rm', [server.path('other')]);
        expect(performance.now() - began).toBeLessThan(AT_ONCE_MS);
        await server.command('letGo', { operation: 'read' });
        for (const { status } of await Promise.all(waiting)) expect(status).toBe(0);
      });

      test('others, and removes them, while a size is waited for', async () => {
        await using server = await start();
        await server.add('unknown', MIB);
        await server.add('other', 10);
        await server.hold('getattr', 'unknown');
        const waiting = stat(server.path('unknown'));
        await server.untilWaiting();
        const began = performance.now();
        await mustRun('rm', [server.path('other')]);
        expect(await readdir(server.mountpoint)).toEqual(['unknown']);
        expect(performance.now() - began).toBeLessThan(AT_ONCE_MS);
        await server.command('resize', { name: 'unknown', size: 2 * MIB });
        await server.command('letGo', { operation: 'getattr' });
        expect((await waiting).size).toBe(2 * MIB);
      });

      test('a size that grows, to a reader that is at the end that it knew', async () => {
        await using server = await start();
        await server.add('a', 1000);
        await using file = await open(server.path('a'));
        expect((await file.stat()).size).toBe(1000);
        await server.command('resize', { name: 'a', size: 3000 });
        expect(await readAt(file, 500, 5000)).toEqual(memoryContent('a', 500, 2500));
      });
    });

    describeMount('fuse-native transport removes', () => {
      test('a file that is open: the name goes at once, readers keep what they have', async () => {
        await using server = await start();
        await server.add('a', MIB);
        await server.add('b', MIB);
        {
          await using file = await open(server.path('a'));
          await mustRun('rm', [server.path('a')]);
          expect((await mustRun('ls', ['-a', server.mountpoint])).stdout).toBe('.\n..\nb\n');
          await expect(stat(server.path('a'))).rejects.toThrow('ENOENT');
          expect(await file.stat()).toMatchObject({ size: MIB, nlink: 0 });
          expect(await readAt(file, MIB - 10, 100)).toEqual(memoryContent('a', MIB - 10, 10));
          await server.add('a', 5);
          expect((await stat(server.path('a'))).size).toBe(5);
          expect((await file.stat()).size).toBe(MIB);
        }
        await vi.waitUntil(async () => (await server.stats()).openFiles === 0, PATIENCE);
        expect(await server.stats()).toMatchObject({ calls: { unlink: 1 }, lookups: 0, pinned: 0 });
      });
    });

    describeMount('fuse-native transport makes the kernel forget', () => {
      test.each([{ pool: '4' }, { pool: '1' }])(
        'pages of open files, of no others ($pool threads)',
        async ({ pool }) => {
          await using server = await start({ env: { UV_THREADPOOL_SIZE: pool } });
          const inos: number[] = [];
          for (let index = 0; index < 20; index += 1) inos.push(await server.add(`file${index}`, MIB));
          await mustRun('ls', ['-l', server.mountpoint]);
          await using one = await open(server.path('file7'));
          await using other = await open(server.path('file13'));
          for (const file of [one, other]) await readAt(file, 0, 4096);
          const before = await reads(server);
          for (const file of [one, other]) await readAt(file, 0, 4096);
          expect(await reads(server)).toBe(before);
          await server.emit({ kind: 'pages', ino: inos[7]! });
          await vi.waitUntil(async () => {
            await readAt(one, 0, 4096);
            return (await reads(server)) > before;
          }, PATIENCE);
          const after = await reads(server);
          await readAt(other, 0, 4096);
          expect(await reads(server)).toBe(after);
        },
      );

      test('pages of an earlier file of the same name', async () => {
        await using server = await start();
        await server.add('a', 4096);
        await mustRun('cat', [server.path('a')]);
        await server.command('remove', { name: 'a' });
        const again = await server.add('a', 4096);
        const before = await reads(server);
        await mustRun('cat', [server.path('a')]);
        expect(await reads(server)).toBeGreaterThan(before);
        expect((await stat(server.path('a'))).ino).toBe(again);
      });

      test('names at once, without being told', async () => {
        await using server = await start();
        await server.add('a', 4096);
        await stat(server.path('a'));
        await server.command('remove', { name: 'a' });
        await expect(stat(server.path('a'))).rejects.toThrow('ENOENT');
      });
    });

    describeMount('fuse-native transport ends', () => {
      test('by unmount, and leaves nothing', async () => {
        await using server = await start();
        await server.add('a', MIB);
        await mustRun('cat', [server.path('a')]);
        await server.command('unmount', { timeoutMs: 30_000 });
        expect(await server.nextEvent()).toMatchObject({ event: 'ended' });
        expect(mountCount(server.mountpoint)).toBe(0);
        expect(await server.stats()).toMatchObject({ openFiles: 0, lookups: 0, devices: 0, pinned: 0 });
        expect(await server.exit(7)).toBe(7);
      });

      test('by umount(8)', async () => {
        await using server = await start();
        await mustRun('umount', [server.mountpoint]);
        expect(await server.nextEvent()).toMatchObject({ event: 'ended' });
        await server.command('unmount', { timeoutMs: 0 });
        expect(await server.exit(0)).toBe(0);
      });

      test('only when the last file is closed, by umount -l', async () => {
        await using server = await start();
        await server.add('a', MIB);
        const file = await open(server.path('a'));
        await mustRun('umount', ['-l', server.mountpoint]);
        expect(await readAt(file, 0, 10)).toEqual(memoryContent('a', 0, 10));
        await file.close();
        expect(await server.nextEvent()).toMatchObject({ event: 'ended' });
        expect(await server.stats()).toMatchObject({ openFiles: 0, lookups: 0 });
      });

      test('by detaching while busy; who holds it gets ENOTCONN', async () => {
        await using server = await start();
        await server.add('a', MIB);
        const file = await open(server.path('a'));
        await server.command('unmount', { timeoutMs: 100 });
        expect(await server.nextEvent()).toMatchObject({ event: 'ended' });
        expect(mountCount(server.mountpoint)).toBe(0);
        await expect(readAt(file, 0, 10)).rejects.toThrow('ENOTCONN');
        await file.close();
        expect(await server.exit(5)).toBe(5);
      });

      test('by exit of the process, although a read waits', async () => {
        await using server = await start();
        await server.add('slow', MIB);
        await server.hold('read');
        const reading = runTool('cat', [server.path('slow')]);
        await server.untilWaiting();
        await server.emit({ kind: 'pages', ino: (await stat(server.path('slow'))).ino });
        expect(await server.exit(3)).toBe(3);
        expect((await reading).status).toBe(1);
        await expect(stat(server.mountpoint)).rejects.toThrow('ENOTCONN');
      });

      test('by SIGKILL, and the next one clears away what it left', async () => {
        await using place = new TemporaryMountpoint();
        const { mountpoint } = place;
        {
          await using first = await start({ mountpoint, keepMounts: true });
          await first.kill();
        }
        await expect(stat(mountpoint)).rejects.toThrow('ENOTCONN');
        await using second = await start({ mountpoint, keepMounts: true });
        await second.add('a', 1);
        expect(await readdir(mountpoint)).toEqual(['a']);
        expect(mountCount(mountpoint)).toBe(1);
        await expect(start({ mountpoint, keepMounts: true })).rejects.toThrow(/already mounted.*umount/);
      });
    });

    describeMount('fuse-native transport mounts', () => {
      test('not where a daemon of ours hangs, and does not hang itself', async () => {
        await using hanging = await start();
        const { mountpoint } = hanging;
        hanging.child.kill('SIGSTOP');
        await expect(start({ mountpoint, keepMounts: true })).rejects.toThrow(/not answering.*umount/);
      });

      // Options are written with commas, mount tables with escapes, and a shell would do worse.
      test.each(['-n', '$(touch pwned) `touch pwned` it\'s "quoted", back\\slash, ü€'])(
        'at %s',
        async (name) => {
          await using place = new TemporaryMountpoint();
          const mountpoint = join(place.mountpoint, name);
          await mkdir(mountpoint);
          await using server = await start({ mountpoint });
          await server.add('a', 1);
          expect(await readdir(mountpoint)).toEqual(['a']);
          await server.command('unmount', { timeoutMs: 30_000 });
          expect(await readdir(place.mountpoint)).toEqual([name]);
          await rmdir(mountpoint);
        },
      );

      test('over another filesystem', async () => {
        await using place = new TemporaryMountpoint();
        await mustRun('mount', ['-t', 'tmpfs', 'none', place.mountpoint]);
        await using server = await start({ mountpoint: place.mountpoint, keepMounts: true });
        expect(mountsAt(place.mountpoint).map(({ fstype }) => fstype)).toEqual(['tmpfs', 'fuse.platdumpfs']);
        await server.command('unmount', { timeoutMs: 30_000 });
        expect(mountsAt(place.mountpoint).map(({ fstype }) => fstype)).toEqual(['tmpfs']);
      });

      test.each([
        { mountpoint: '/nonexistent/place', kernelOptions: [], says: /does not exist: create it/ },
        { mountpoint: '/dev/fd/3', kernelOptions: [], says: /only --transport=kernel/ },
        { mountpoint: undefined, kernelOptions: ['bogus=1'], says: /does not know the option bogus=1/ },
      ])('not at $mountpoint with $kernelOptions', async ({ mountpoint, kernelOptions, says }) => {
        await using place = new TemporaryMountpoint();
        const options = { mountpoint: mountpoint ?? place.mountpoint, kernelOptions, keepMounts: true };
        await expect(start(options)).rejects.toThrow(says);
        expect(mountCount(place.mountpoint)).toBe(0);
      });
    });

    describeMount('findHolders', () => {
      test('names who keeps a mount busy, by a directory or an open file', async () => {
        await using server = await start();
        await server.add('a', 1);
        await using file = await open(server.path('a'));
        const [mount] = mountsAt(server.mountpoint);
        const holders = [
          spawn('sleep', ['60'], { cwd: server.mountpoint, stdio: 'ignore' }),
          spawn('sleep', ['60'], { stdio: [file.fd, 'ignore', 'ignore'] }),
        ];
        await Promise.all(holders.map((holder) => once(holder, 'spawn')));
        const found = await findHolders(mount!);
        const ended = holders.map((holder) => once(holder, 'exit'));
        for (const holder of holders) holder.kill();
        await Promise.all(ended);
        expect(found).toEqual(expect.arrayContaining(holders.map(({ pid }) => ({ pid, command: 'sleep' }))));
        expect(found.map(({ pid }) => pid)).toContain(process.pid);
        expect(found).toHaveLength(3);
      });

      test('names who holds it in another mount namespace, where it has another name', async () => {
        await using server = await start();
        await server.add('a', 1);
        const place = await mkdtemp(join(tmpdir(), 'platdumpfs-holder-'));
        const script =
          'mount --bind "$0" "$1" && umount "$0" && exec 3< "$1/a" && echo held && exec sleep 60';
        const holder = spawn('unshare', ['-m', 'sh', '-c', script, server.mountpoint, place], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        try {
          await once(holder.stdout, 'data');
          const [mount] = mountsAt(server.mountpoint);
          const found = await findHolders(mount!);
          expect(found.map(({ pid }) => pid)).toContain(holder.pid);
        } finally {
          holder.kill();
          await once(holder, 'exit');
          await rmdir(place);
        }
      });
    });
  },
);
