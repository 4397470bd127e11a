import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { dumpTag } from '../../src/base/tag.js';
import { MIB } from '../support/all-sizes.js';
import { Bare, context, errnoOf, sampleBytes } from '../support/bare.js';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { Mounted, TRANSPORTS } from '../support/mounted.js';
import { usageOf } from '../support/process-usage.js';
import { SyscallClient } from '../support/syscall-client.js';

const ROUNDS = 100;
const WARM_UP = 20;
/** libfuse keeps up to so many that have nothing to do. */
const SPARE_THREADS = { kernel: 0, 'fuse-native': 10 };
/** What V8 lets its heaps grow before it collects: they stop there, however many rounds follow. */
const GARBAGE_MIB = 64;
const SIZES = [1, 65_536, 300_001, 2 * MIB];

const tagOf = (index: number): bigint => 0x2_0000_0001n + BigInt(index);

/** Everything a reader does with one dump, at a place that moves from round to round. */
async function round(client: SyscallClient, path: string, dump: ExpectedDump, count: number): Promise<void> {
  const at = (count * 40_961) % dump.size;
  expect(await client.must('stat', path)).toBe(dump.size);
  const fd = await client.must('open', path);
  expect(await client.must('pread', fd, at, 100_000)).toMatchObject({
    sha256: sha256(dump, at, at + 100_000),
  });
  expect(await client.must('getxattr', path, 'user.platdump.tag')).toBe(dump.name);
  expect(await client.call('getxattr', path, 'user.platdump.nothing')).toMatchObject({ errno: 'ENODATA' });
  await client.must('close', fd);
}

describe.each(TRANSPORTS)(`${ROUNDS} rounds of everything, $transport`, (cell) => {
  test('leave the daemon with the descriptors, threads and memory that it had', async () => {
    await using mounted = new Mounted(cell);
    const dumps = SIZES.map((size, index) => fileDump(mounted.simDir, tagOf(index), size));
    await mounted.start(`--sim-dir=${mounted.simDir}`, '--spool=none');
    using client = new SyscallClient();
    const pid = mounted.daemon.child.pid ?? -1;
    let before = usageOf(pid);
    for (let count = 0; count < ROUNDS; count += 1) {
      if (count === WARM_UP) before = usageOf(pid);
      for (const dump of dumps) await round(client, mounted.at(dump.name), dump, count);
      expect(await client.call('stat', mounted.at('0x00000002ffffffff'))).toMatchObject({ errno: 'ENOENT' });
      expect(await client.must('ls', mounted.mountpoint)).toHaveLength(dumps.length);
    }
    const after = usageOf(pid);
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
    expect(after.threads).toBeLessThanOrEqual(before.threads + SPARE_THREADS[cell.transport]);
    expect(after.rssMib - before.rssMib).toBeLessThan(GARBAGE_MIB);
  });
});

describe.each(['papr', 'librtas'] as const)(`${ROUNDS} rounds without a kernel, %s`, (discipline) => {
  test('leave no inode and no handle', async () => {
    await using bare = new Bare({ discipline });
    const dumps = SIZES.map((size, index) => ({
      tag: dumpTag(tagOf(index)),
      bytes: sampleBytes(size, index),
    }));
    for (const { tag, bytes } of dumps) bare.put(tag, bytes);
    for (let count = 0; count < ROUNDS; count += 1) {
      for (const { tag, bytes } of dumps) {
        const ino = await bare.lookup(tag);
        const fh = bare.fs.open(ino, 0, context());
        const at = (count * 40_961) % bytes.length;
        expect((await bare.read(fh, at, 100_000)).equals(bytes.subarray(at, at + 100_000))).toBe(true);
        const controller = new AbortController();
        const interrupted = errnoOf(() => bare.read(fh, bytes.length - 1, 10, controller.signal));
        controller.abort();
        expect([undefined, 'EINTR']).toContain(await interrupted);
        await bare.fs.getattr(ino, context(), fh);
        bare.fs.release(fh);
        bare.fs.forget(ino, 1);
      }
      expect(bare.names()).toHaveLength(dumps.length);
    }
    expect(bare.counts).toEqual({ inodes: 0, handles: 0 });
  });
});

function mountsOnMachine(directory: string): number {
  return readFileSync('/proc/self/mountinfo', 'utf8').split(directory).length - 1;
}

/** Processes in whose command line `text` stands. */
function processesWith(text: string): number {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(text);
    } catch {
      return false; // It has ended meanwhile.
    }
  }).length;
}

describe.each(TRANSPORTS)('8 rounds of mounting, reading and unmounting at one place, $transport', (cell) => {
  test('leave no mount, no process and no file', async () => {
    await using mounted = new Mounted(cell);
    const dump = fileDump(mounted.simDir, tagOf(0), 100_000);
    using client = new SyscallClient();
    for (let count = 0; count < 8; count += 1) {
      await mounted.start(`--sim-dir=${mounted.simDir}`, '--spool=none');
      expect(mounted.mounts).toBe(1);
      expect(await client.must('cat', mounted.at(dump.name))).toMatchObject({ sha256: sha256(dump) });
      expect(await mounted.daemon.stop(count % 2 === 0 ? 'SIGTERM' : 'SIGINT')).toBe(0);
    }
    expect(mountsOnMachine(mounted.directory)).toBe(0);
    expect(processesWith(mounted.mountpoint)).toBe(0);
    expect(readdirSync(mounted.directory).sort()).toEqual(['dumps', 'mnt', 'out', 'run']);
    expect(readdirSync(`${mounted.directory}/run`)).toEqual([]);
    expect(readdirSync(mounted.mountpoint)).toEqual([]);
  });
});
