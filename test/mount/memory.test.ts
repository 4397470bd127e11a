import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dropPages, MIB } from '../support/all-sizes.js';
import { generatedDump, sha256 } from '../support/expected-dump.js';
import { KERNEL, Mounted, TRANSPORTS } from '../support/mounted.js';
import { usageOf } from '../support/process-usage.js';
import { mustRun } from '../support/run-tool.js';

const TAG = 0x2_0000_0001n;
const SIZE = 1024 * MIB;
const CACHE_MIB = 64;
/** For a thread that reads, one that spools, and garbage. */
const REST_MIB = 96;

describe.each(TRANSPORTS)('memory of the daemon, $transport', (cell) => {
  test.each([{ spool: true }, { spool: false }].filter(({ spool }) => spool || cell === KERNEL))(
    'stays below that of the cache and a little more while 1 GiB is copied, spool: $spool',
    async ({ spool }) => {
      await using mounted = new Mounted(cell);
      const dump = generatedDump(TAG, SIZE);
      const directory = join(mounted.directory, 'spool');
      mkdirSync(directory, { mode: 0o700 });
      await mounted.start(`--sim-dump=${dump.name}:${dump.size}`, `--spool=${spool ? directory : 'none'}`);
      const pid = mounted.daemon.child.pid ?? -1;
      const idle = usageOf(pid);
      await mustRun('cp', [mounted.at(dump.name), '/dev/null'], { timeoutMs: 100_000 });
      const { peakMib } = usageOf(pid);
      expect(peakMib - idle.rssMib).toBeLessThan(CACHE_MIB + REST_MIB);
    },
  );
});

test('32 readers at different places of a dump make the daemon no larger, however often they come', async () => {
  await using mounted = new Mounted({ transport: 'kernel', discipline: 'librtas' });
  const dump = generatedDump(TAG, SIZE);
  await mounted.start(`--sim-dump=${dump.name}:${dump.size}`);
  const path = mounted.at(dump.name);
  const pid = mounted.daemon.child.pid ?? -1;
  const idle = usageOf(pid);
  const peaks: number[] = [];
  for (let wave = 0; wave < 3; wave += 1) {
    await dropPages(path);
    const places = Array.from({ length: 32 }, (_, reader) => 31 * reader + wave);
    const copies = await Promise.all(
      places.map((skip) => mustRun('dd', [`if=${path}`, 'bs=1M', `skip=${skip}`, 'count=1', 'status=none'])),
    );
    expect(copies.map((copy) => copy.sha256)).toEqual(
      places.map((skip) => sha256(dump, skip * MIB, (skip + 1) * MIB)),
    );
    peaks.push(usageOf(pid).peakMib);
  }
  expect(Math.max(...peaks) - idle.rssMib).toBeLessThan(CACHE_MIB + REST_MIB);
  expect(peaks[2]! - peaks[1]!).toBeLessThan(8);
});
