import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
  openSync,
  closeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { HangingFile } from '../support/hanging-file.js';
import type { TracedCall } from '../support/mounted.js';
import { KERNEL, KERNEL_CELLS, Mounted, TRANSPORTS, until } from '../support/mounted.js';
import { mustRun, runTool } from '../support/run-tool.js';

/** A file system that is full until `makeRoom`. */
class FullDisk implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async at(path: string): Promise<FullDisk> {
    mkdirSync(path);
    await mustRun('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path]);
    return new FullDisk(path);
  }

  /** Down to the last byte, also of the last page of `file`. */
  fill(file: string): void {
    for (const name of [join(this.path, 'filler'), file]) {
      const fd = openSync(name, 'a');
      try {
        for (let size = 4096; size >= 1; size = Math.floor(size / 2)) while (appended(fd, size));
      } finally {
        closeSync(fd);
      }
    }
  }

  makeRoom(): void {
    writeFileSync(join(this.path, 'filler'), '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await mustRun('umount', [this.path]);
  }
}

function appended(fd: number, size: number): boolean {
  try {
    return writeSync(fd, '\n'.repeat(size)) === size;
  } catch {
    return false;
  }
}

describe.each(KERNEL_CELLS)('a trace on a full file system, $transport, $discipline', (cell) => {
  test('changes no byte and no answer, and what it lacks is told', async () => {
    await using scene = new Mounted(cell);
    const before = fileDump(scene.simDir, 0x2_0000_0001n, 300_017);
    const during = fileDump(scene.simDir, 0x2_0000_0002n, 3_000_000);
    const removed = fileDump(scene.simDir, 0x2_0000_0003n, 100_000);
    const after = fileDump(scene.simDir, 0x2_0000_0004n, 50_000);
    await using disk = await FullDisk.at(join(scene.directory, 'small'));
    const trace = join(disk.path, 'trace');
    await scene.start(`--sim-dir=${scene.simDir}`, `--trace-rtas=${trace}`, '--spool=none');
    expect((await mustRun('cat', [scene.at(before.name)])).sha256).toBe(sha256(before));
    disk.fill(trace);
    const full = statSync(trace).size;

    for (const dump of [during, removed])
      expect((await mustRun('cat', [scene.at(dump.name)])).sha256).toBe(sha256(dump));
    await mustRun('rm', [scene.at(removed.name)]);

    expect(statSync(join(scene.simDir, `${removed.name}.invalidated`)).size).toBe(removed.size);
    expect(statSync(trace).size).toBe(full);
    const trouble = 'the trace cannot be written: firmware calls go on without it';
    expect(await scene.daemon.said(trouble)).toMatchObject({ level: 'warn', path: trace });
    disk.makeRoom();
    expect((await mustRun('cat', [scene.at(after.name)])).sha256).toBe(sha256(after));
    const lines = readFileSync(trace, 'utf8').slice(full).trimEnd().split('\n');
    const calls = lines.map((line) => JSON.parse(line) as { tag: string; lost?: number });
    expect(calls.filter(({ tag }) => tag === after.name).length).toBeGreaterThan(10);
    await scene.daemon.stop();
  });
});

describe.each(TRANSPORTS)('a trace on a file system that hangs, $transport', (cell) => {
  test('holds up no reader, no rm and no end, and goes on when that does', async () => {
    await using scene = new Mounted(cell);
    await using file = await HangingFile.at(join(scene.directory, 'hanging'));
    const [before, during, removed, after, last] = [1n, 2n, 3n, 4n, 5n].map((id) =>
      // More lines than are kept for a file system that takes none.
      fileDump(scene.simDir, 0x2_0000_0000n + id, id === 2n ? 24_000_000 : 300_017),
    ) as [ExpectedDump, ExpectedDump, ExpectedDump, ExpectedDump, ExpectedDump];
    const read = async ({ name }: ExpectedDump): Promise<string> =>
      (await mustRun('cat', [scene.at(name)])).sha256;
    await scene.start(`--sim-dir=${scene.simDir}`, `--trace-rtas=${file.path}`, '--spool=none');
    expect(await read(before)).toBe(sha256(before));

    file.hang();

    for (const dump of [during, removed]) expect(await read(dump)).toBe(sha256(dump));
    await mustRun('rm', [scene.at(removed.name)]);
    expect(statSync(join(scene.simDir, `${removed.name}.invalidated`)).size).toBe(removed.size);
    const trouble = await scene.daemon.said('the trace cannot be written: firmware calls go on without it');
    expect(trouble).toMatchObject({ level: 'warn', path: file.path });
    expect(trouble['reason']).toContain('does not answer');

    file.goOn();
    // It may take some of these lines to get to those that are missing.
    expect(await read(after)).toBe(sha256(after));
    const again = await scene.daemon.said('the trace is written again');
    file.hang();
    expect(await read(last)).toBe(sha256(last));
    await scene.daemon.stop();
    expect(scene.mounts).toBe(0);

    const lines = (await file.end()).trimEnd().split('\n');
    const calls = lines.map((line) => JSON.parse(line) as TracedCall);
    // What it was given before the daemon ended is written when the file system answers again.
    const lost = calls.flatMap((call) => ('lost' in call ? Number(call.lost) : []));
    expect(again.level).toBe('warn');
    expect(lost[0]).toBeGreaterThan(0);
    // A machine that is busy for a second is late as well, and some lines of these may be lost.
    for (const { name } of [before, last])
      expect(calls.some(({ tag, op }) => tag === name && op === 'read')).toBe(true);
  });
});

/** Each of so many questions is a line of the log, where the level is `debug`. */
async function askForNothing(scene: Mounted, count: number): Promise<void> {
  const ask = 'import os, sys\nfor n in range(int(sys.argv[2])): os.path.exists(f"{sys.argv[1]}/{n}")';
  await mustRun('python3', ['-c', ask, scene.mountpoint, String(count)]);
}

describe('a log on a file system that hangs', () => {
  test('holds up no reader, no rm, no reload and no end, and says what it lacks when that goes on', async () => {
    await using scene = new Mounted(KERNEL);
    await using file = await HangingFile.at(join(scene.directory, 'hanging'));
    const dump = fileDump(scene.simDir, 0x2_0000_0001n, 300_017);
    const removed = fileDump(scene.simDir, 0x2_0000_0002n, 300_017);
    const log = `--log-file=${file.path}`;
    const daemon = scene.launch(`--sim-dir=${scene.simDir}`, log, '--log-level=debug', '--spool=none');
    await until('it is mounted, and that is written', () => file.content.includes('"mounted"'));

    file.hang();

    // More than is kept for a file system that takes none.
    await askForNothing(scene, 6000);
    for (const read of [dump, removed])
      expect((await mustRun('cat', [scene.at(read.name)])).sha256).toBe(sha256(read));
    expect((await mustRun('ls', [scene.mountpoint])).stdout).toContain(dump.name);
    await mustRun('rm', [scene.at(removed.name)]);
    expect(statSync(join(scene.simDir, `${removed.name}.invalidated`)).size).toBe(removed.size);
    daemon.child.kill('SIGHUP');

    file.goOn();
    // What comes behind that line finds room again.
    await until('it is written again', () => {
      daemon.child.kill('SIGHUP');
      const [, behind = ''] = file.content.split('log lines were lost', 2);
      return behind.includes('reloaded');
    });
    file.hang();
    expect(await daemon.stop()).toBe(0);
    expect(scene.mounts).toBe(0);

    const lines = (await file.end()).trimEnd().split('\n');
    const events = lines.map((line) => JSON.parse(line) as { message: string; lost?: number });
    const lost = events.find(({ message }) => message.startsWith('log lines were lost'));
    expect(lost?.lost).toBeGreaterThan(0);
    // What it was given before the daemon ended is written when the file system answers again.
    const messages = events.map(({ message }) => message);
    expect(messages).toEqual(expect.arrayContaining(['mounted', 'stopped']));
  });

  test('keeps a daemon from starting, with one line', async () => {
    await using scene = new Mounted(KERNEL);
    scene.expected.push(/cannot write the log/);
    await using file = await HangingFile.at(join(scene.directory, 'hanging'));
    file.hang();
    const daemon = scene.launch('--sim-dump=0x200000001:10000', `--log-file=${file.path}`);
    expect(await daemon.exit()).toBe(1);
    expect(daemon.stderr.trimEnd()).toBe('platdumpfs: cannot write the log: it was not opened within 10 s');
  });
});

describe('a trace', () => {
  const prepared: readonly { readonly what: string; readonly make: (path: string) => void }[] = [
    { what: 'a link to a file of somebody else', make: (path) => symlinkSync('/etc/hostname', path) },
    { what: 'a FIFO that nobody reads', make: (path) => execFileSync('mkfifo', [path]) },
    { what: 'a directory', make: (path) => mkdirSync(path) },
  ];
  test.each(prepared)('that is $what keeps the daemon from starting, at once', async ({ make }) => {
    await using scene = new Mounted(KERNEL);
    scene.expected.push(/cannot write the trace of firmware calls/);
    make(scene.tracePath);
    const daemon = scene.launch(`--trace-rtas=${scene.tracePath}`);
    expect(await daemon.exit()).toBe(1);
    expect(daemon.stderr.trimEnd().split('\n').at(-1)).toContain(
      'cannot write the trace of firmware calls: ',
    );
    expect(scene.mounts).toBe(0);
  });

  test('is for its owner alone', async () => {
    await using scene = new Mounted(KERNEL);
    writeFileSync(scene.tracePath, '', { mode: 0o666 });
    await scene.start('--sim-dump=0x200000001:10000', `--trace-rtas=${scene.tracePath}`);
    await mustRun('cat', [scene.at('0x0000000200000001')]);
    expect(statSync(scene.tracePath).mode & 0o777).toBe(0o600);
    expect((await scene.trace()).length).toBeGreaterThan(0);
  });
});

test('a journal that takes nothing any more holds nobody up', async () => {
  await using scene = new Mounted(KERNEL);
  const { name } = fileDump(scene.simDir, 0x2_0000_0001n, 100_000);
  const args = scene.command(`--sim-dir=${scene.simDir}`, '--log-level=debug');
  // A socket, as the journal's is: it cannot be opened once more.
  const daemon = spawn(process.execPath, args, {
    env: { ...process.env, RUNTIME_DIRECTORY: join(scene.directory, 'run') },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(daemon, 'exit');
  daemon.stderr.pause();
  try {
    await until('it is mounted', () => scene.mounts === 1);
    // Far more than a socket holds.
    await askForNothing(scene, 4000);
    await mustRun('cat', [scene.at(name)]);
  } finally {
    daemon.kill('SIGTERM');
    await ended;
  }
  expect(daemon.exitCode).toBe(0);
});

test('a log that nobody reads any more holds nobody up', async () => {
  await using scene = new Mounted(KERNEL);
  const { name } = fileDump(scene.simDir, 0x2_0000_0001n, 100_000);
  const args = scene.command(`--sim-dir=${scene.simDir}`, '--log-level=debug');
  // Its standard error is a pipe that is full already.
  const script = `exec 3<>"$0"; head -c 65536 /dev/zero >&3; exec "$@" 2>&3 3>&-`;
  const pipe = join(scene.directory, 'pipe');
  await mustRun('mkfifo', [pipe]);
  const daemon = spawn('sh', ['-c', script, pipe, process.execPath, ...args], {
    env: { ...process.env, RUNTIME_DIRECTORY: join(scene.directory, 'run') },
    stdio: 'ignore',
  });
  const ended = once(daemon, 'exit');
  try {
    await until('it is mounted', () => scene.mounts === 1);
    await until('it serves', async () => (await runTool('test', ['-e', scene.at(name)])).status === 0);
    // Far more than a pipe holds.
    await askForNothing(scene, 2000);
    await mustRun('cat', [scene.at(name)]);
  } finally {
    daemon.kill('SIGTERM');
    await ended;
  }
  expect(daemon.exitCode).toBe(0);
});
