import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { dropPages } from '../support/all-sizes.js';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { FileUser } from '../support/file-user.js';
import { CELLS, Mounted, TRANSPORTS } from '../support/mounted.js';
import { mustRun, runTool } from '../support/run-tool.js';

const SIZE = 3_000_001;
const TAG = 0x2_0000_0001n;
/** Small blocks ahead, so that a reader who stops has not been given everything already. */
const PART = 100_000;

interface Scene extends AsyncDisposable {
  readonly mounted: Mounted;
  readonly dump: ExpectedDump;
  readonly path: string;
}

describe.each(CELLS)('removal, $transport, $discipline', (cell) => {
  async function scene(...args: string[]): Promise<Scene> {
    const mounted = new Mounted(cell);
    const dump = fileDump(mounted.simDir, TAG, SIZE);
    await start(mounted, ...args);
    return {
      mounted,
      dump,
      path: mounted.at(dump.name),
      [Symbol.asyncDispose]: () => mounted[Symbol.asyncDispose](),
    };
  }

  function start(mounted: Mounted, ...args: string[]): Promise<void> {
    return mounted.start(`--sim-dir=${mounted.simDir}`, `--trace-rtas=${mounted.tracePath}`, ...args);
  }

  async function refusal(path: string): Promise<string> {
    const { status, stderr } = await runTool('rm', ['-f', path]);
    return status === 0 ? 'removed' : stderr.trim().replace(/^.*: /, '');
  }

  async function expectIntact({ mounted, dump, path }: Scene): Promise<void> {
    expect((await mustRun('ls', [mounted.mountpoint])).stdout).toBe(`${dump.name}\n`);
    expect((await mustRun('cat', [path])).sha256).toBe(sha256(dump));
    expect(await mounted.invalidations()).toEqual([]);
    expect(readdirSync(mounted.simDir)).toEqual([dump.name]);
  }

  function expectGone({ mounted, dump }: Scene): void {
    expect(readdirSync(mounted.simDir)).toEqual([`${dump.name}.invalidated`]);
  }

  describe('of what was not delivered completely', () => {
    test.each([
      { what: 'never read', read: [] },
      { what: 'read in part', read: ['head', '-c', String(PART)] },
      { what: 'read but for its beginning', read: ['tail', '-c', String(PART)] },
    ])('is refused with EBUSY: $what', async ({ read: [program, ...args] }) => {
      await using it = await scene();
      if (program !== undefined) await mustRun(program, [...args, it.path]);
      expect(await refusal(it.path)).toBe('Device or resource busy');
      await expectIntact(it);
    });
  });

  test.each([
    { what: 'cp', commands: (path: string, out: string) => [['cp', path, out]] },
    {
      what: 'two readers that had it between them',
      commands: (path: string) => [
        ['tail', '-c', String(SIZE - PART), path],
        ['head', '-c', String(PART), path],
      ],
    },
  ])('after $what: firmware forgets the dump, once', async ({ commands }) => {
    await using it = await scene();
    for (const [program, ...args] of commands(it.path, it.mounted.out)) await mustRun(program!, args);
    expect(await refusal(it.path)).toBe('removed');
    expect((await mustRun('ls', [it.mounted.mountpoint])).stdout).toBe('');
    expect((await runTool('stat', [it.path])).stderr).toContain('No such file or directory');
    expectGone(it);
    expect(await it.mounted.invalidations()).toEqual([it.dump.name]);
  });

  test.each([
    { policy: '--unlink=never', errno: 'Operation not permitted' },
    { policy: '--read-only', errno: 'Read-only file system' },
  ])('with $policy is refused, delivered or not', async ({ policy, errno }) => {
    await using it = await scene(policy);
    expect(await refusal(it.path)).toBe(errno);
    await mustRun('cat', [it.path]);
    expect(await refusal(it.path)).toBe(errno);
    await expectIntact(it);
  });

  test('with --unlink=force needs no reader', async () => {
    await using it = await scene('--unlink=force');
    expect(await refusal(it.path)).toBe('removed');
    expectGone(it);
    expect(await it.mounted.invalidations()).toEqual([it.dump.name]);
  });

  describe('with an open reader', () => {
    test('takes the name at once; firmware is told when the last of them closes', async () => {
      await using it = await scene();
      await using first = await FileUser.of(it.path);
      await using second = await FileUser.of(it.path);
      await mustRun('cat', [it.path]);
      await dropPages(it.path);
      expect(await refusal(it.path)).toBe('removed');
      expect((await mustRun('ls', ['-a', it.mounted.mountpoint])).stdout).toBe('.\n..\n');
      expect((await runTool('stat', [it.path])).stderr).toContain('No such file or directory');
      await first.errno('close');
      expect(await second.hash(PART, PART)).toBe(sha256(it.dump, PART, 2 * PART));
      expect(await second.number('size')).toBe(SIZE);
      expect(await it.mounted.invalidations()).toEqual([]);
      await second.errno('close');
      await it.mounted.daemon.said('dump removed');
      expectGone(it);
      expect(await it.mounted.invalidations()).toEqual([it.dump.name]);
    });

    test.each([
      { how: 'SIGTERM', end: () => Promise.resolve() },
      {
        how: 'umount -l and SIGTERM',
        end: (mountpoint: string) => mustRun('umount', ['-i', '-l', mountpoint]),
      },
    ])('that outlives the mount ($how): firmware keeps the dump, and the log says so', async ({ end }) => {
      await using it = await scene('--unmount-timeout=0');
      await mustRun('cat', [it.path]);
      await using reader = await FileUser.of(it.path);
      expect(await refusal(it.path)).toBe('removed');
      await end(it.mounted.mountpoint);
      const { daemon } = it.mounted;
      await daemon.stop();
      expect(
        daemon.logged('an unlinked dump stays in firmware: the mount ended before firmware was told'),
      ).toMatchObject({ level: 'warn', tag: it.dump.name });
      await reader.errno('close');
      expect(await it.mounted.invalidations()).toEqual([]);
      expect(readdirSync(it.mounted.simDir)).toEqual([it.dump.name]);
    });

    test('that closes right before the mount ends: the dump is removed', async () => {
      await using it = await scene();
      await mustRun('cat', [it.path]);
      await using reader = await FileUser.of(it.path);
      expect(await refusal(it.path)).toBe('removed');
      await reader.errno('close');
      await mustRun('umount', [it.mounted.mountpoint]);
      expect(await it.mounted.daemon.exit()).toBe(0);
      expectGone(it);
    });

    test('with --unlink=force lets it read on to the end', async () => {
      await using it = await scene('--unlink=force');
      await using reader = await FileUser.of(it.path);
      expect(await reader.hash(0, PART)).toBe(sha256(it.dump, 0, PART));
      expect(await refusal(it.path)).toBe('removed');
      expect(await reader.hash(0, SIZE)).toBe(sha256(it.dump));
      await reader[Symbol.asyncDispose]();
      await it.mounted.daemon.said('dump removed');
      expect(await it.mounted.invalidations()).toEqual([it.dump.name]);
    });
  });
});

describe.each(CELLS)('what never removes, $transport, $discipline', (cell) => {
  test('reading to the end, closing, unmounting, being killed, starting again: no invalidation', async () => {
    await using mounted = new Mounted(cell);
    const dump = fileDump(mounted.simDir, TAG, SIZE);
    const path = mounted.at(dump.name);
    const start = (): Promise<void> =>
      mounted.start(`--sim-dir=${mounted.simDir}`, `--trace-rtas=${mounted.tracePath}`);
    const readAll = async (): Promise<void> => {
      expect((await mustRun('cat', [path])).sha256).toBe(sha256(dump));
    };

    await start();
    await readAll();
    await dropPages(path);
    await readAll();
    await mustRun('umount', [mounted.mountpoint]);
    expect(await mounted.daemon.exit()).toBe(0);

    await start();
    await readAll();
    expect(await mounted.daemon.stop('SIGTERM')).toBe(0);

    await start();
    await readAll();
    expect(await mounted.daemon.stop('SIGKILL')).toBe('SIGKILL');

    await start();
    expect(await mounted.invalidations()).toEqual([]);
    expect(readdirSync(mounted.simDir)).toEqual([dump.name]);
    // What readers got before counts no more.
    expect((await runTool('rm', ['-f', path])).stderr).toContain('Device or resource busy');
    await readAll();
    await mustRun('rm', [path]);
    expect(await mounted.invalidations()).toEqual([dump.name]);
  });
});

/** What is tried, in terms of python3's `os`, and the errno that has to come of it. */
const WRITES = [
  { call: 'open(path, O_WRONLY)', errno: 'EACCES', python: 'os.open(path, os.O_WRONLY)' },
  { call: 'open(path, O_RDWR)', errno: 'EACCES', python: 'os.open(path, os.O_RDWR)' },
  { call: 'open(path, O_TRUNC)', errno: 'EACCES', python: 'os.open(path, os.O_WRONLY | os.O_TRUNC)' },
  { call: 'open(path, O_APPEND)', errno: 'EACCES', python: 'os.open(path, os.O_WRONLY | os.O_APPEND)' },
  { call: 'creat', errno: 'EPERM', python: 'os.open(new, os.O_WRONLY | os.O_CREAT, 0o600)' },
  { call: 'mkdir', errno: 'EPERM', python: 'os.mkdir(new)' },
  { call: 'mknod of a file', errno: 'EPERM', python: 'os.mknod(new)' },
  { call: 'mknod of a pipe', errno: 'EPERM', python: 'os.mkfifo(new)' },
  { call: 'rename', errno: 'EPERM', python: 'os.rename(path, new)' },
  { call: 'rename onto another dump', errno: 'EPERM', python: 'os.rename(path, other)' },
  { call: 'link', errno: 'EPERM', python: 'os.link(path, new)' },
  { call: 'symlink', errno: 'EPERM', python: 'os.symlink(path, new)' },
  { call: 'chmod', errno: 'EPERM', python: 'os.chmod(path, 0o777)' },
  { call: 'chmod of the directory', errno: 'EPERM', python: 'os.chmod(root, 0o777)' },
  { call: 'chown', errno: 'EPERM', python: 'os.chown(path, 1, 1)' },
  { call: 'truncate', errno: 'EPERM', python: 'os.truncate(path, 0)' },
  { call: 'utimens', errno: 'EPERM', python: 'os.utime(path, (1, 1))' },
  { call: 'setxattr', errno: 'ENOTSUP', python: "os.setxattr(path, 'user.platdump.tag', b'x')" },
  { call: 'setxattr of the directory', errno: 'ENOTSUP', python: "os.setxattr(root, 'user.a', b'x')" },
  { call: 'removexattr', errno: 'ENOTSUP', python: "os.removexattr(path, 'user.platdump.tag')" },
];

const TRY_ALL = `
import errno, json, os, sys
root, path, other, new = sys.argv[1:5]
names = {}
for number, name in errno.errorcode.items(): names.setdefault(number, name)
names[errno.ENOTSUP] = 'ENOTSUP'
def attempt(text):
    try: eval(text)
    except OSError as error: return names[error.errno]
    return 'done'
print(json.dumps([attempt(text) for text in sys.argv[5:]]))
`;

describe.each(TRANSPORTS)('everything else that writes, $transport', (cell) => {
  test('is refused with the errno of the contract, and nothing changes', async () => {
    await using mounted = new Mounted(cell);
    const [dump, other] = [fileDump(mounted.simDir, TAG, SIZE), fileDump(mounted.simDir, TAG + 1n, 10)];
    await mounted.start(`--sim-dir=${mounted.simDir}`, '--unlink=force');
    const names = [mounted.mountpoint, mounted.at(dump.name), mounted.at(other.name), mounted.at('new')];
    const before = await mustRun('stat', [mounted.mountpoint, mounted.at(dump.name)]);

    const tried = await mustRun('python3', ['-c', TRY_ALL, ...names, ...WRITES.map(({ python }) => python)]);

    const answers = JSON.parse(tried.stdout) as string[];
    expect(WRITES.map(({ call }, index) => `${call}: ${answers[index]}`)).toEqual(
      WRITES.map(({ call, errno }) => `${call}: ${errno}`),
    );
    const after = await mustRun('stat', [mounted.mountpoint, mounted.at(dump.name)]);
    expect(after.stdout).toBe(before.stdout);
    expect((await mustRun('cat', [mounted.at(dump.name)])).sha256).toBe(sha256(dump));
    expect(readdirSync(mounted.simDir).sort()).toEqual([dump.name, other.name]);
  });
});
