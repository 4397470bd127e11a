import { mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dropPages, MIB } from '../support/all-sizes.js';
import { generatedDump, sha256 } from '../support/expected-dump.js';
import { KERNEL, Mounted } from '../support/mounted.js';
import { mustRun } from '../support/run-tool.js';
import { SmallDisk } from '../support/small-disk.js';

const TAG = 0x2_0000_0001n;
/** Larger than the cache: without a spool, a second reading starts over. */
const SIZE = 24 * MIB + 7;
const CACHE = '--cache-size=8MiB';

const isRoot = process.getuid?.() === 0;
const noDisks = isRoot ? '' : ' (skipped: file systems of their own are mounted by root only)';

/** What `program` prints of the file at `path`: a SHA-256. */
async function sha256Of(path: string): Promise<string> {
  const { stdout } = await mustRun('sha256sum', [path]);
  return stdout.split(' ', 1)[0] ?? '';
}

const messages = ({ daemon }: Mounted): string[] => daemon.log.map(({ message }) => message);

describe('a spool that takes no more never fails a read', () => {
  const dump = generatedDump(TAG, SIZE);
  const serve = (mounted: Mounted, ...args: string[]): Promise<void> =>
    mounted.start(
      CACHE,
      `--sim-dump=${dump.name}:${dump.size}`,
      `--trace-rtas=${mounted.tracePath}`,
      ...args,
    );

  /** Twice the whole dump, the second time by way of the daemon, and removed for good after that. */
  async function readsTwiceAndRemoves(mounted: Mounted): Promise<void> {
    expect(await sha256Of(mounted.at(dump.name))).toBe(sha256(dump));
    await dropPages(mounted.at(dump.name));
    expect(await sha256Of(mounted.at(dump.name))).toBe(sha256(dump));
    await mustRun('rm', [mounted.at(dump.name)]);
    expect(await mounted.invalidations()).toEqual([dump.name]);
  }

  test('its quota is used up', async () => {
    await using mounted = new Mounted(KERNEL);
    const directory = join(mounted.directory, 'spool');
    mkdirSync(directory, { mode: 0o700 });
    await serve(mounted, `--spool=${directory}`, '--spool-size=1MiB');
    await readsTwiceAndRemoves(mounted);
    expect(messages(mounted)).toContainEqual(expect.stringMatching(/quota/));
  });

  test.skipIf(!isRoot)(`its file system has less room than others are to find${noDisks}`, async () => {
    await using mounted = new Mounted(KERNEL);
    using disk = SmallDisk.inMemory(mounted.directory, 8 * MIB);
    await serve(mounted, `--spool=${disk.directory}`);
    await readsTwiceAndRemoves(mounted);
    expect(statfsSync(disk.directory).bfree).toBe(statfsSync(disk.directory).blocks);
  });

  test.skipIf(!isRoot)(`others fill its file system meanwhile${noDisks}`, async () => {
    await using mounted = new Mounted(KERNEL);
    using disk = SmallDisk.inMemory(mounted.directory, 300 * MIB);
    await serve(mounted, `--spool=${disk.directory}`);
    await mustRun('dd', [`if=${mounted.at(dump.name)}`, 'of=/dev/null', 'bs=64K', 'count=16']);
    disk.fill();
    expect(statfsSync(disk.directory).bavail).toBe(0);
    await readsTwiceAndRemoves(mounted);
    expect(messages(mounted)).toContainEqual(expect.stringMatching(/spool.*ENOSPC/));
  });

  test.skipIf(!isRoot)(`its disk cannot be read any more${noDisks}`, async () => {
    await using mounted = new Mounted(KERNEL);
    using disk = SmallDisk.onDevice(mounted.directory, 512 * MIB);
    await serve(mounted, `--spool=${disk.directory}`);
    expect(await sha256Of(mounted.at(dump.name))).toBe(sha256(dump));
    await mustRun('sync', ['-f', disk.directory]);
    disk.fail();
    writeFileSync('/proc/sys/vm/drop_caches', '1');
    await readsTwiceAndRemoves(mounted);
    expect(messages(mounted)).toContainEqual(expect.stringMatching(/spool.*EIO/));
  });
});
