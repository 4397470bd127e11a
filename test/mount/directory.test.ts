import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { fileDump, generatedDump } from '../support/expected-dump.js';
import { KERNEL, Mounted, TRANSPORTS } from '../support/mounted.js';
import { usageOf } from '../support/process-usage.js';
import { mustRun } from '../support/run-tool.js';
import { SyscallClient } from '../support/syscall-client.js';
import { PATIENCE } from '../support/patience.js';

/** A dump of this many bytes has a header, which tells its size, and more than one firmware call brings. */
const WITH_HEADER_BYTES = 300_000;

/** Room for three or four entries. */
const SMALL_BYTES = 160;
const ALL_BYTES = 1024 * 1024;

function nameOf(number: number): string {
  return `0x00000002${number.toString(16).padStart(8, '0')}`;
}

describe.each(TRANSPORTS)('open directories, $transport', (cell) => {
  async function start(dumps: number): Promise<Mounted> {
    const mounted = new Mounted(cell);
    for (let number = 1; number <= dumps; number += 1)
      writeFileSync(join(mounted.simDir, nameOf(number)), `dump ${number}`);
    await mounted.start(`--sim-dir=${mounted.simDir}`);
    return mounted;
  }

  test('go on at any offset that another one gave', async () => {
    await using mounted = await start(300);
    using client = new SyscallClient();
    const first = await client.must('opendir', mounted.mountpoint);
    const all = await client.must('entries at', first, 0, ALL_BYTES);
    expect(all).toHaveLength(302);
    for (let at = 0; at < all.length - 1; at += 37) {
      const other = await client.must('opendir', mounted.mountpoint);
      const [next] = await client.must('entries at', other, all[at]!.offset, SMALL_BYTES);
      expect(next).toEqual(all[at + 1]);
      await client.must('close', other);
    }
    const last = await client.must('opendir', mounted.mountpoint);
    expect(await client.must('entries at', last, all.at(-1)!.offset, SMALL_BYTES)).toEqual([]);
  });

  test.skipIf(cell.transport === 'fuse-native')(
    'show each dump that stays once while others go (libfuse keeps a listing for each open directory)',
    async () => {
      await using mounted = await start(40);
      using client = new SyscallClient();
      const fd = await client.must('opendir', mounted.mountpoint);
      const seen: string[] = [];
      for (let offset = 0; ;) {
        const entries = await client.must('entries at', fd, offset, SMALL_BYTES);
        if (entries.length === 0) break;
        seen.push(...entries.map(({ name }) => name));
        offset = entries.at(-1)!.offset;
        if (seen.length > 12) continue;
        for (const number of [2, 30]) rmSync(join(mounted.simDir, nameOf(number)), { force: true });
        await vi.waitUntil(async () => (await client.must('ls', mounted.mountpoint)).length === 38, PATIENCE);
      }
      const stayed = Array.from({ length: 40 }, (_, at) => nameOf(at + 1)).filter(
        (_, at) => at !== 1 && at !== 29,
      );
      expect(seen.filter((name) => name !== '.' && name !== '..' && name !== nameOf(2))).toEqual(stayed);
    },
  );

  test.runIf(cell.transport === 'kernel')('cost the daemon no listing each', async () => {
    await using mounted = await start(2000);
    using client = new SyscallClient();
    const pid = mounted.daemon.child.pid ?? -1;
    const open = async (count: number): Promise<void> => {
      for (let times = 0; times < count; times += 1) {
        const fd = await client.must('opendir', mounted.mountpoint);
        await client.must('entries at', fd, 0, SMALL_BYTES);
      }
    };
    await open(100);
    const before = usageOf(pid).rssMib;
    await open(800);
    // A copy of the listing each would take 150 MiB and more.
    expect(usageOf(pid).rssMib - before).toBeLessThan(60);
  });

  test.each([
    { tool: 'ls', args: [], callsEach: 0 },
    { tool: 'ls', args: ['-p'], callsEach: 0 },
    { tool: 'ls', args: ['--color=always'], callsEach: 1 },
    { tool: 'ls', args: ['-F'], callsEach: 1 },
    { tool: 'ls', args: ['-l'], callsEach: 1 },
  ])(
    'with dumps whose header tells the size cost $tool $args $callsEach firmware calls each',
    async ({ tool, args, callsEach }) => {
      await using mounted = new Mounted(cell);
      for (let number = 1; number <= 5; number += 1) {
        const { tag, bytes } = generatedDump(BigInt(nameOf(number)), WITH_HEADER_BYTES);
        fileDump(mounted.simDir, tag, bytes(0, WITH_HEADER_BYTES), { announcedSize: null });
      }
      await mounted.start(`--sim-dir=${mounted.simDir}`, `--trace-rtas=${mounted.tracePath}`);
      const { stdout } = await mustRun(tool, [...args, mounted.mountpoint]);
      expect(stdout).toContain(nameOf(5));
      await mounted.daemon.stop();
      expect(await mounted.trace()).toHaveLength(5 * callsEach);
    },
  );

  test('lead to files by handles that outlive what the kernel has cached', async () => {
    await using mounted = await start(3);
    using client = new SyscallClient();
    const directory = await client.must('opendir', mounted.mountpoint);
    const handle = await client.must('handle of', mounted.at(nameOf(2)));
    const gone = await client.must('handle of', mounted.at(nameOf(3)));
    rmSync(join(mounted.simDir, nameOf(3)));
    await vi.waitUntil(async () => (await client.must('ls', mounted.mountpoint)).length === 2, PATIENCE);
    // Dentries and inodes, of everybody.
    await writeFile('/proc/sys/vm/drop_caches', '2');
    const { sha256 } = await client.must('cat handle', directory, handle);
    expect(sha256).toBe(createHash('sha256').update('dump 2').digest('hex'));
    expect(await client.call('cat handle', directory, gone)).toMatchObject({ errno: 'ESTALE' });
  });
});

test('a handle of an earlier mount leads to no dump of this one, kernel', async () => {
  await using mounted = new Mounted(KERNEL);
  writeFileSync(join(mounted.simDir, nameOf(1)), 'earlier');
  await mounted.start(`--sim-dir=${mounted.simDir}`);
  using client = new SyscallClient();
  const handle = await client.must('handle of', mounted.at(nameOf(1)));
  await mounted.daemon.stop();
  rmSync(join(mounted.simDir, nameOf(1)));
  writeFileSync(join(mounted.simDir, nameOf(2)), 'later');
  await mounted.start(`--sim-dir=${mounted.simDir}`);
  const directory = await client.must('opendir', mounted.mountpoint);
  expect(await client.must('cat', mounted.at(nameOf(2)))).toMatchObject({ bytes: 5 });
  expect(await client.call('cat handle', directory, handle)).toMatchObject({ errno: 'ESTALE' });
});
