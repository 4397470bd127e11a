import type { ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { FileUser } from '../support/file-user.js';
import type { Daemon } from '../support/mounted.js';
import { KERNEL, Mounted, TRANSPORTS, until } from '../support/mounted.js';
import { mustRun } from '../support/run-tool.js';

const OPEN = '[none] integrity confidentiality\n';
const LOCKED = 'none integrity [confidentiality]\n';
const LEVEL_TAG = 0x7_0000_0001n;

/** A file system that hangs on demand, with a level file on it: another mount of ours, whose daemon is stopped. */
class HangingPlace implements AsyncDisposable {
  // With this transport the kernel keeps no attributes: each look asks the daemon.
  readonly #mounted = new Mounted({ transport: 'fuse-native', discipline: 'papr' });
  readonly #level = fileDump(this.#mounted.simDir, LEVEL_TAG, Buffer.from(OPEN));

  get levelFile(): string {
    return this.#mounted.at(this.#level.name);
  }

  async start(): Promise<void> {
    await this.#mounted.start(`--sim-dir=${this.#mounted.simDir}`, '--lockdown=ignore');
    expect((await mustRun('cat', [this.levelFile])).stdout).toBe(OPEN);
  }

  /**
   * @param looking reads the level file now and then. Nobody can end a process before a request that the stopped daemon has
   *   taken is answered, so none is under way then.
   */
  async hang(looking?: Daemon): Promise<void> {
    const { child } = this.#mounted.daemon;
    if (looking !== undefined) await stopped(looking.child);
    await stopped(child);
    looking?.child.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#mounted.daemon.child.kill('SIGCONT');
    await this.#mounted[Symbol.asyncDispose]();
  }
}

/** A thread that waits for an answer stops behind that. */
async function stopped(child: ChildProcess): Promise<void> {
  child.kill('SIGSTOP');
  const tasks = `/proc/${child.pid}/task`;
  const isStopped = (task: string): boolean =>
    /^State:\s*T/m.test(readFileSync(join(tasks, task, 'status'), 'utf8'));
  await until('every thread has stopped', () => readdirSync(tasks).every(isStopped));
}

describe.each(TRANSPORTS)('a lockdown file whose file system hangs, $transport', (cell) => {
  test('counts as locked: readers are refused, nobody hangs, and SIGTERM ends the daemon', async () => {
    await using place = new HangingPlace();
    await place.start();
    await using scene = new Mounted(cell);
    const read = fileDump(scene.simDir, 0x2_0000_0001n, 100_000);
    const cold = fileDump(scene.simDir, 0x2_0000_0002n, 100_000);
    await scene.start(`--sim-dir=${scene.simDir}`, `--lockdown-file=${place.levelFile}`);
    await using reader = await FileUser.of(scene.at(read.name));
    await using newcomer = await FileUser.of(scene.at(cold.name));
    expect(await reader.hash(0, read.size)).toBe(sha256(read));

    await place.hang(scene.daemon);

    // Of the page cache, and past it: by what the watch finds, and by a look that a request waits for.
    const [, late] = await Promise.all([
      until('cached pages are gone', async () => (await reader.pread(0, 1)) === 'EPERM'),
      newcomer.pread(0, 1),
    ]);
    expect(late).toBe('EPERM');
    expect((await mustRun('ls', ['-A', scene.mountpoint])).stdout).toBe('');
    const { reason } = await scene.daemon.said('locked down: no dump can be reached until restart');
    expect(reason).toContain('it was not read within 1 s');
    expect(await scene.daemon.stop()).toBe(0);
    expect(scene.mounts).toBe(0);
  });

  test('keeps a daemon from starting, with status 4', async () => {
    await using place = new HangingPlace();
    await place.start();
    await using scene = new Mounted(cell);
    scene.expected.push(/locked down, no dump may be shown/);
    await place.hang();
    const daemon = scene.launch(`--sim-dir=${scene.simDir}`, `--lockdown-file=${place.levelFile}`);
    expect(await daemon.exit()).toBe(4);
    expect(daemon.stderr).toContain('it was not read within 10 s');
  });
});

describe.each(TRANSPORTS)('what is no level file, $transport', (cell) => {
  const kinds: readonly { readonly what: string; readonly put: (path: string) => void }[] = [
    { what: 'a FIFO', put: (path) => execFileSync('mkfifo', [path]) },
    { what: 'a link to /dev/zero', put: (path) => execFileSync('ln', ['-s', '/dev/zero', path]) },
    { what: 'a text of somebody else', put: (path) => writeFileSync(path, 'root:secret:1:0\n') },
  ];

  test.each(kinds)('$what keeps a daemon from starting, and nothing of it is told', async ({ put }) => {
    await using scene = new Mounted(cell);
    scene.expected.push(/locked down, no dump may be shown/);
    const level = join(scene.directory, 'level');
    put(level);
    const daemon = scene.launch(`--sim-dir=${scene.simDir}`, `--lockdown-file=${level}`);
    expect(await daemon.exit()).toBe(4);
    expect(daemon.stderr).not.toContain('secret');
  });

  test.each(kinds)('$what that is renamed over the level file hides every dump', async ({ put }) => {
    await using scene = new Mounted(cell);
    const level = join(scene.directory, 'level');
    writeFileSync(level, OPEN);
    const dump = fileDump(scene.simDir, 0x2_0000_0001n, 100_000);
    await scene.start(`--sim-dir=${scene.simDir}`, `--lockdown-file=${level}`);
    {
      await using reader = await FileUser.of(scene.at(dump.name));
      expect(await reader.hash(0, dump.size)).toBe(sha256(dump));
      put(`${level}.new`);
      execFileSync('mv', [`${level}.new`, level]);
      await until('cached pages are gone', async () => (await reader.pread(0, 1)) === 'EPERM');
    }
    expect((await mustRun('ls', ['-A', scene.mountpoint])).stdout).toBe('');
    expect(scene.daemon.stderr).not.toContain('secret');
    expect(await scene.daemon.stop()).toBe(0);
  });
});

test('a level that is up keeps a daemon from starting', async () => {
  await using scene = new Mounted(KERNEL);
  scene.expected.push(/locked down, no dump may be shown: kernel lockdown is at confidentiality/);
  const level = join(scene.directory, 'level');
  writeFileSync(level, LOCKED);
  expect(await scene.launch(`--sim-dir=${scene.simDir}`, `--lockdown-file=${level}`).exit()).toBe(4);
});
