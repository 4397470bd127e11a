import { join } from 'node:path';
import { open, readdir, stat, statfs, unlink } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import {
  describeMount,
  KernelServerProcess,
  readAt,
  TemporaryMountpoint,
} from '../../support/kernel-server-process.js';
import { memoryContent, memoryDigest } from '../../support/memory-filesystem.mjs';
import { mustRun, runTool } from '../../support/run-tool.js';
import { PATIENCE } from '../../support/patience.js';

const MIB = 1024 * 1024;
const BIG = 200 * MIB;

describeMount('kernel transport serves', () => {
  test('names, attributes, extended attributes and statfs', async () => {
    await using server = await KernelServerProcess.start();
    const ino = await server.add('a', 12_345);
    await server.add('empty', 0);
    expect(await readdir(server.mountpoint)).toEqual(['a', 'empty']);
    const stats = await stat(server.path('a'));
    expect(stats).toMatchObject({ ino, size: 12_345, blocks: 25, nlink: 1, mode: 0o100_444 });
    expect(stats.mtimeMs).toBe(1_700_000_000_123);
    expect(stats.birthtimeMs).toBe(1_700_000_000_123);
    expect(await statfs(server.mountpoint)).toMatchObject({ blocks: 1000, bfree: 0, files: 2 });
    const attributes = await mustRun('getfattr', ['-d', '--absolute-names', server.path('a')]);
    expect(attributes.stdout).toContain('user.memory.name="a"');
  });

  test.each([
    { tool: 'cat', script: 'cat "$1"' },
    { tool: 'cp', script: 'cp "$1" "$2" && cat "$2" && rm "$2"' },
    { tool: 'dd with direct I/O', script: 'dd if="$1" bs=1M iflag=direct status=none' },
  ])('a large file to $tool', async ({ script }) => {
    await using server = await KernelServerProcess.start();
    await using place = new TemporaryMountpoint();
    await server.add('big', BIG + 1);
    const copy = join(place.mountpoint, 'copy');
    const { sha256 } = await mustRun('sh', ['-c', script, 'sh', server.path('big'), copy]);
    expect(sha256).toBe(memoryDigest('big', BIG + 1));
    const { pinned, delivered } = await server.stats();
    expect(pinned).toBe(0);
    expect(delivered[0]).toBeGreaterThanOrEqual(BIG + 1);
  });

  test('a mapping', async ({ skip }) => {
    const python = await runTool('python3', ['--version']).catch(() => undefined);
    if (python?.status !== 0) skip('python3 is not there to map files');
    await using server = await KernelServerProcess.start();
    await server.add('big', 3 * MIB + 5);
    const script = `import hashlib, mmap, sys
with open(sys.argv[1], 'rb') as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as view:
  view[2 * 1024 * 1024]
  print(hashlib.sha256(view).hexdigest(), end='')`;
    const { stdout } = await mustRun('python3', ['-c', script, server.path('big')]);
    expect(stdout).toBe(memoryDigest('big', 3 * MIB + 5));
  });

  test.each([
    { tool: 'dd, which does not ask for the size', script: 'dd if="$1" bs=64k status=none' },
    { tool: 'cat', script: 'cat "$1"' },
  ])('a file whose size is not known when it is looked up, to $tool', async ({ script }) => {
    await using server = await KernelServerProcess.start();
    await server.add('a', MIB + 7);
    await server.command('forgetSize', { name: 'a' });
    await server.hold('getattr', 'a');
    const reading = mustRun('sh', ['-c', script, 'sh', server.path('a')]);
    await server.untilWaiting();
    await server.command('letGo', { operation: 'getattr' });
    expect((await reading).sha256).toBe(memoryDigest('a', MIB + 7));
  });

  test('any offset and length', async () => {
    await using server = await KernelServerProcess.start();
    await server.add('a', MIB + 7);
    await using file = await open(server.path('a'));
    for (const [offset, length] of [
      [0, 1],
      [4095, 2],
      [MIB - 3, 100],
      [MIB + 6, 10],
      [MIB + 7, 10],
      [9 * MIB, 1],
    ] as const) {
      const expected = Math.max(0, Math.min(length, MIB + 7 - offset));
      expect(await readAt(file, offset, length)).toEqual(memoryContent('a', offset, expected));
    }
  });

  test('eight readers of two files', async () => {
    await using server = await KernelServerProcess.start();
    await server.add('one', 20 * MIB);
    await server.add('two', 20 * MIB);
    const names = Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? 'one' : 'two'));
    const digests = await Promise.all(names.map((name) => mustRun('cat', [server.path(name)])));
    const expected = { one: memoryDigest('one', 20 * MIB), two: memoryDigest('two', 20 * MIB) };
    digests.forEach(({ sha256 }, index) => expect(sha256).toBe(expected[index % 2 === 0 ? 'one' : 'two']));
  });

  test('files and the directory, while 20 others wait for their data', async () => {
    await using server = await KernelServerProcess.start();
    const names = Array.from({ length: 20 }, (_, index) => `slow${index}`);
    for (const name of [...names, 'quick']) await server.add(name, 4 * MIB);
    await server.hold('read', 'slow');
    const reading = names.map((name) => mustRun('cat', [server.path(name)]));
    // More than the 12 that the kernel would leave with us by itself.
    await server.untilWaiting(20);
    expect((await mustRun('cat', [server.path('quick')])).sha256).toBe(memoryDigest('quick', 4 * MIB));
    expect(await readdir(server.mountpoint)).toHaveLength(21);
    await stat(server.path('slow0'));
    await server.command('letGo', { operation: 'read' });
    const digests = (await Promise.all(reading)).map(({ sha256 }) => sha256);
    expect(digests).toEqual(names.map((name) => memoryDigest(name, 4 * MIB)));
  });

  test('a directory of 3000 files, whose lookups come back', async () => {
    await using server = await KernelServerProcess.start();
    const names = Array.from({ length: 3000 }, (_, index) => `0x${index.toString(16).padStart(16, '0')}`);
    const inodes = await Promise.all(names.map((name) => server.add(name, 1)));
    const { stdout } = await mustRun('sh', ['-c', 'ls -lU "$1" | grep -c 0x', 'sh', server.mountpoint]);
    expect(stdout).toBe('3000\n');
    expect((await server.stats()).lookups).toBe(3000);
    for (const [index, ino] of inodes.entries())
      await server.emit({ kind: 'delete', name: names[index] ?? '', ino });
    await vi.waitUntil(async () => (await server.stats()).lookups === 0, PATIENCE);
  });

  test('unlink', async () => {
    await using server = await KernelServerProcess.start();
    await server.add('a', 1);
    await unlink(server.path('a'));
    expect(await readdir(server.mountpoint)).toEqual([]);
  });

  test.each([
    { what: 'open for writing', script: 'echo x > "$1"', says: 'Permission denied' },
    { what: 'create', script: 'echo x > "$1.new"', says: 'Operation not permitted' },
    { what: 'chmod', script: 'chmod 777 "$1"', says: 'Operation not permitted' },
    { what: 'truncate', script: 'truncate -s 0 "$1"', says: /Permission denied|Operation not permitted/ },
    { what: 'mkdir', script: 'mkdir "$1.d"', says: 'Operation not permitted' },
    { what: 'rename', script: 'mv -T "$1" "$1.new"', says: 'Operation not permitted' },
    { what: 'link', script: 'ln "$1" "$1.new"', says: 'Operation not permitted' },
    { what: 'setxattr', script: 'setfattr -n user.x -v y "$1"', says: 'Operation not supported' },
    {
      what: 'setxattr of 64 KiB',
      script: 'setfattr -n user.x -v "$(head -c 60000 /dev/zero | tr "\\0" y)" "$1"',
      says: 'Operation not supported',
    },
  ])('no $what', async ({ script, says }) => {
    await using server = await KernelServerProcess.start();
    await server.add('a', 1);
    const { status, stderr } = await runTool('sh', ['-c', script, 'sh', server.path('a')]);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(says);
  });
});
