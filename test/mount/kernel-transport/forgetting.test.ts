import { open, stat } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
import { describeMount, KernelServerProcess, readAt } from '../../support/kernel-server-process.js';
import { memoryContent, memoryDigest } from '../../support/memory-filesystem.mjs';
import { mustRun } from '../../support/run-tool.js';
import { PATIENCE } from '../../support/patience.js';

describeMount('kernel transport', () => {
  describe.each([
    { pool: 'default', env: {} },
    { pool: 'smallest', env: { UV_THREADPOOL_SIZE: '1' } },
  ])('makes the kernel forget ($pool thread pool)', ({ env }) => {
    test('pages, of an open file too', async () => {
      await using server = await KernelServerProcess.start({ env });
      const ino = await server.add('a', 4 * 4096);
      await using file = await open(server.path('a'));
      const readsAfterReading = async (): Promise<number> => {
        await readAt(file, 0, 4096);
        return (await server.stats()).calls['read'] ?? 0;
      };
      const reads = await readsAfterReading();
      expect(await readsAfterReading()).toBe(reads);
      await server.emit({ kind: 'pages', ino });
      await vi.waitUntil(async () => (await readsAfterReading()) > reads, PATIENCE);
    });

    test('attributes', async () => {
      await using server = await KernelServerProcess.start({ env });
      const ino = await server.add('a', 100);
      expect((await stat(server.path('a'))).size).toBe(100);
      await server.command('resize', { name: 'a', size: 200 });
      expect((await stat(server.path('a'))).size).toBe(100);
      await server.emit({ kind: 'attributes', ino });
      await vi.waitUntil(async () => (await stat(server.path('a'))).size === 200, PATIENCE);
    });

    test('a name, while a file is open under it', async () => {
      await using server = await KernelServerProcess.start({ env });
      const ino = await server.add('a', 4096);
      await using file = await open(server.path('a'));
      await server.command('remove', { name: 'a' });
      expect((await stat(server.path('a'))).ino).toBe(ino);
      await server.emit({ kind: 'delete', name: 'a', ino });
      await vi.waitUntil(
        () =>
          stat(server.path('a')).then(
            () => false,
            (error: unknown) => (error as { code?: string }).code === 'ENOENT',
          ),
        PATIENCE,
      );
      expect(await readAt(file, 0, 4096)).toEqual(memoryContent('a', 0, 4096));
    });

    test('a name that means another inode now', async () => {
      await using server = await KernelServerProcess.start({ env });
      const before = await server.add('a', 10);
      expect((await stat(server.path('a'))).ino).toBe(before);
      await server.command('remove', { name: 'a' });
      const after = await server.add('a', 20);
      await server.emit({ kind: 'entry', name: 'a' });
      await vi.waitUntil(async () => (await stat(server.path('a'))).ino === after, PATIENCE);
    });

    test('pages of a file that somebody waits for: once he has his answer, and others do not wait', async () => {
      await using server = await KernelServerProcess.start({ env });
      const slow = await server.add('slow', 4096);
      const other = await server.add('other', 4096);
      await using file = await open(server.path('other'));
      await readAt(file, 0, 4096);
      await server.hold('read', 'slow');
      const reading = mustRun('cat', [server.path('slow')]);
      await server.untilWaiting();
      await server.emit({ kind: 'pages', ino: slow });
      await server.emit({ kind: 'pages', ino: other });
      const reads = (await server.stats()).calls['read'] ?? 0;
      await vi.waitUntil(async () => {
        await readAt(file, 0, 4096);
        return ((await server.stats()).calls['read'] ?? 0) > reads;
      }, PATIENCE);
      await server.command('letGo', { operation: 'read' });
      expect((await reading).sha256).toBe(memoryDigest('slow', 4096));
    });
  });
});
