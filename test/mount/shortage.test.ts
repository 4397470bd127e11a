import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { Mounted, TRANSPORTS, until } from '../support/mounted.js';
import { mustRun, runTool } from '../support/run-tool.js';

const TAG = 0x2_0000_0001n;
const DUMPS = 8;
const NO_THREAD = 'cannot start another thread for firmware calls, going on with those there are';
/** libfuse goes on with the threads that it has. */
const LIBFUSE = /^fuse: error creating thread: Resource temporarily unavailable$/;

/** A control group that bounds the number of processes and threads. */
class PidsGroup implements Disposable {
  readonly #directory: string;

  /** @param root of the hierarchy that counts them */
  constructor(root: string) {
    this.#directory = join(root, `platdumpfs-test-${process.pid}`);
    mkdirSync(this.#directory);
  }

  add(pid: number): void {
    writeFileSync(join(this.#directory, 'cgroup.procs'), String(pid));
  }

  /** @param more than there are now; undefined: as many as are wanted */
  allow(more: number | undefined): void {
    const now = Number(readFileSync(join(this.#directory, 'pids.current'), 'utf8'));
    writeFileSync(join(this.#directory, 'pids.max'), more === undefined ? 'max' : String(now + more));
  }

  [Symbol.dispose](): void {
    rmdirSync(this.#directory);
  }
}

/** Version 1 has a hierarchy for it; in version 2 the only one has to hand the controller on. */
function pidsRoot(): string | undefined {
  if (existsSync('/sys/fs/cgroup/pids/cgroup.procs')) return '/sys/fs/cgroup/pids';
  try {
    if (!readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').split(/\s/).includes('pids'))
      return undefined;
    writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+pids');
    return '/sys/fs/cgroup';
  } catch {
    return undefined;
  }
}

/** Each takes a second: also on a busy machine all are wanted at a time. */
function slowDumps(mounted: Mounted): ExpectedDump[] {
  return Array.from({ length: DUMPS }, (_, index) =>
    fileDump(mounted.simDir, TAG + BigInt(index), 40_003, { latencyUs: 100_000 }),
  );
}

async function expectAllRead(mounted: Mounted, dumps: readonly ExpectedDump[]): Promise<void> {
  const read = await Promise.all(dumps.map(({ name }) => mustRun('cat', [mounted.at(name)])));
  expect(read.map(({ sha256: hash }) => hash)).toEqual(dumps.map((dump) => sha256(dump)));
}

function shortages(mounted: Mounted): number {
  return mounted.daemon.log.filter(({ message }) => message === NO_THREAD).length;
}

describe.each(TRANSPORTS)('no room for another thread, $transport', (cell) => {
  test('at pids.max: dumps wait for each other, and an orderly end is one', async ({ skip }) => {
    const root = pidsRoot();
    if (root === undefined) skip('no control groups that count processes here');
    using group = new PidsGroup(root!);
    await using mounted = new Mounted(cell);
    mounted.expected.push(LIBFUSE);
    const dumps = slowDumps(mounted);
    await mounted.start(`--sim-dir=${mounted.simDir}`);
    group.add(mounted.daemon.child.pid!);
    group.allow(2);
    await expectAllRead(mounted, dumps);
    expect(shortages(mounted)).toBe(1);

    // No program can be started to unmount either.
    group.allow(0);
    expect(await mounted.daemon.stop('SIGTERM')).toBe(0);
    expect(mounted.mounts).toBe(0);
  });

  test('nor for another open file: an orderly end is one', async () => {
    await using mounted = new Mounted(cell);
    const dumps = slowDumps(mounted);
    await mounted.start(`--sim-dir=${mounted.simDir}`);
    await expectAllRead(mounted, dumps.slice(0, 2));
    const pid = mounted.daemon.child.pid!;
    await mustRun('prlimit', [`--pid=${pid}`, '--nofile=3:']);
    expect(await mounted.daemon.stop('SIGTERM')).toBe(0);
    expect(mounted.mounts).toBe(0);
  });
});

describe.each(TRANSPORTS)('no descriptor to look at the lockdown level with, $transport', (cell) => {
  test('dumps are hidden while it lasts, and for good only where the level has risen', async () => {
    await using mounted = new Mounted(cell);
    const dump = fileDump(mounted.simDir, TAG, 100_003);
    const level = join(mounted.directory, 'lockdown');
    const next = join(mounted.directory, 'next');
    writeFileSync(level, '[none] integrity confidentiality\n');
    await mounted.start(`--sim-dir=${mounted.simDir}`, `--lockdown-file=${level}`);
    const limit = (files: string): Promise<unknown> =>
      mustRun('prlimit', [`--pid=${mounted.daemon.child.pid}`, `--nofile=${files}:`]);
    const listed = async (): Promise<string> => (await mustRun('ls', [mounted.mountpoint])).stdout;
    const replace = (text: string): void => {
      writeFileSync(next, text);
      renameSync(next, level);
    };

    await limit('3');
    replace('[none] integrity confidentiality\n');
    await mounted.daemon.said('the lockdown level cannot be looked at: dumps are hidden until it can');
    expect(await listed()).toBe('');
    expect((await runTool('cat', [mounted.at(dump.name)])).status).not.toBe(0);
    await limit('1024');
    await mounted.daemon.said('the lockdown level can be looked at again');
    expect((await mustRun('cat', [mounted.at(dump.name)])).sha256).toBe(sha256(dump));

    await limit('3');
    replace('none integrity [confidentiality]\n');
    await until('nothing is listed', async () => (await listed()) === '');
    await limit('1024');
    await mounted.daemon.said('locked down: no dump can be reached until restart');
    expect(await listed()).toBe('');
  });
});
