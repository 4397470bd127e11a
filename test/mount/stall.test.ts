import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MIB } from '../support/all-sizes.js';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump, generatedDump, sha256 } from '../support/expected-dump.js';
import { CELLS, Mounted, TRANSPORTS, until } from '../support/mounted.js';
import { SyscallClient } from '../support/syscall-client.js';

/** "Extended delay, about 100 s", each time. */
const BUSY_FOR_LONG = 9905;
const STALLED_AT = 256 * 1024;

const tagOf = (index: number): bigint => 0x2_0000_0001n + BigInt(index);

/** A dump of which firmware delivers the beginning and then keeps everybody waiting. */
function stalledDump(mounted: Mounted, index: number, side: object = {}): ExpectedDump {
  const faults = [{ at: STALLED_AT, status: BUSY_FOR_LONG, times: 'always' }];
  return fileDump(mounted.simDir, tagOf(index), MIB, { faults, ...side });
}

/** Waits until firmware has answered "busy" for so many dumps. */
function stalledIn(mounted: Mounted, dumps: readonly ExpectedDump[]): Promise<void> {
  return until('firmware keeps the readers waiting', async () => {
    const busy = new Set(
      (await mounted.trace()).flatMap(({ status, tag }) => (status === BUSY_FOR_LONG ? tag : [])),
    );
    return dumps.every(({ name }) => busy.has(name));
  });
}

/** Programs that read and are not expected to come to an end. */
class Readers implements Disposable {
  readonly #children: readonly ChildProcess[];

  constructor(paths: readonly string[]) {
    this.#children = paths.map((path) => spawn('cat', [path], { stdio: 'ignore' }));
    for (const child of this.#children) child.unref();
  }

  get left(): number {
    return this.#children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
      .length;
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}

/** How often firmware has said that it is busy. */
async function busyAnswers(mounted: Mounted): Promise<number> {
  return (await mounted.trace()).filter(({ status }) => status === BUSY_FOR_LONG).length;
}

describe.each(CELLS)('while firmware is busy for 100 s and more, $transport, $discipline', (cell) => {
  test('listing and attributes answer at once, others are copied and removed, nothing is lost', async () => {
    await using mounted = new Mounted(cell);
    const stalled = stalledDump(mounted, 0);
    const unannounced = stalledDump(mounted, 1, { announcedSize: null });
    const before = generatedDump(tagOf(4), 64 * MIB);
    const other = generatedDump(tagOf(2), 64 * MIB);
    const done = fileDump(mounted.simDir, tagOf(3), 100_000);
    await mounted.start(
      `--sim-dir=${mounted.simDir}`,
      `--sim-dump=${before.name}:${before.size}`,
      `--sim-dump=${other.name}:${other.size}`,
      `--trace-rtas=${mounted.tracePath}`,
      '--unmount-timeout=0',
    );
    using client = new SyscallClient();
    expect(await client.must('cat', mounted.at(done.name))).toEqual({
      bytes: done.size,
      sha256: sha256(done),
    });
    using reader = new SyscallClient();
    using mapper = new SyscallClient();
    using measurer = new SyscallClient();
    void reader.call('cat', mounted.at(stalled.name));
    void mapper.call('mmap', mounted.at(stalled.name), STALLED_AT - 4096, 8192);
    void measurer.call('stat', mounted.at(unannounced.name));
    await stalledIn(mounted, [stalled, unannounced]);

    const names = [stalled, unannounced, other, done, before].map(({ name }) => name);
    expect(await client.must('ls', mounted.mountpoint)).toEqual(names);
    const answers = await busyAnswers(mounted);
    for (const { op, path } of [
      { op: 'ls', path: mounted.mountpoint },
      { op: 'stat', path: mounted.at(stalled.name) },
      { op: 'stat', path: mounted.at(other.name) },
      { op: 'df', path: mounted.mountpoint },
    ] as const) {
      for (let round = 0; round < 20; round += 1) expect((await client.call(op, path)).errno).toBeUndefined();
    }
    expect(await busyAnswers(mounted), 'all within one wait of firmware').toBe(answers);

    // Within the time in which a machine as busy as this one reads 64 MiB when nothing is stalled.
    expect(await client.must('cat', mounted.at(other.name))).toEqual({
      bytes: other.size,
      sha256: sha256(other),
    });
    expect(await client.call('rm', mounted.at(done.name))).toMatchObject({ value: null });
    expect(existsSync(join(mounted.simDir, `${done.name}.invalidated`))).toBe(true);
    // libfuse itself lets an unlink wait for the reads of the same file.
    if (cell.transport === 'kernel')
      expect(await client.call('rm', mounted.at(stalled.name))).toMatchObject({ errno: 'EBUSY' });
    expect(await mounted.invalidations()).toEqual([done.name]);
  });
});

describe.each(TRANSPORTS)('more dumps stalled than may be in transfer at once, $transport', (cell) => {
  test('another one is read, listed and removed', async () => {
    await using mounted = new Mounted(cell);
    const stalled = Array.from({ length: 18 }, (_, index) => stalledDump(mounted, index));
    const healthy = fileDump(mounted.simDir, tagOf(18), MIB);
    await mounted.start(
      `--sim-dir=${mounted.simDir}`,
      `--trace-rtas=${mounted.tracePath}`,
      '--unmount-timeout=0',
    );
    using readers = new Readers(stalled.map(({ name }) => mounted.at(name)));
    await stalledIn(mounted, stalled);

    using client = new SyscallClient();
    expect(await client.must('ls', mounted.mountpoint)).toHaveLength(19);
    expect(await client.must('cat', mounted.at(healthy.name))).toEqual({
      bytes: MIB,
      sha256: sha256(healthy),
    });
    expect(await client.call('rm', mounted.at(healthy.name))).toMatchObject({ value: null });
    expect(readers.left).toBe(18);
  });

  test('another one is read at once while slow ones are, that do get on', async () => {
    await using mounted = new Mounted(cell);
    const slow = Array.from({ length: 20 }, (_, index) =>
      fileDump(mounted.simDir, tagOf(index), 4 * MIB, { latencyUs: 500_000 }),
    );
    const other = fileDump(mounted.simDir, tagOf(20), 100_000);
    await mounted.start(
      `--sim-dir=${mounted.simDir}`,
      `--trace-rtas=${mounted.tracePath}`,
      '--unmount-timeout=0',
    );
    using readers = new Readers(slow.map(({ name }) => mounted.at(name)));
    await until('all are being read', async () => {
      const asked = new Set((await mounted.trace()).map(({ tag }) => tag));
      return slow.every(({ name }) => asked.has(name));
    });

    using client = new SyscallClient();
    expect(await client.must('cat', mounted.at(other.name))).toEqual({
      bytes: other.size,
      sha256: sha256(other),
    });
    expect(readers.left, 'none of the slow ones has come to an end before').toBe(20);
  });
});
