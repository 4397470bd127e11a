import { readFileSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { FileUser } from '../support/file-user.js';
import type { Cell } from '../support/mounted.js';
import { CELLS, Mounted } from '../support/mounted.js';
import { mustRun, runTool } from '../support/run-tool.js';

const TAG = 0x2_0000_0001n;
const SIZE = 100_001;

/** Firmware tells of no dump by itself, as papr and librtas do not: the mount knows the tag by hand. */
const UNLISTED = { announced: false };

/** Reading them takes more handles than the mount keeps, so that the one that delivered the first dump is closed. */
const OTHERS = Array.from({ length: 40 }, (_, at) => `0x00000003000000${(at + 16).toString(16)}`);

/** What compares the two dumps is not the same for any two of these. */
const EACH: readonly Cell[] = [...CELLS, { transport: 'fuse-native', discipline: 'librtas' }];

describe.each(EACH)('a tag that comes back as another dump, $transport, $discipline', (cell) => {
  /** The mount has delivered all of this dump, and firmware holds it still. */
  async function delivered(mounted: Mounted): Promise<ExpectedDump> {
    const dump = fileDump(mounted.simDir, TAG, SIZE, UNLISTED);
    await mounted.start(
      `--sim-dir=${mounted.simDir}`,
      `--trace-rtas=${mounted.tracePath}`,
      `--dump=${dump.name}`,
      ...OTHERS.map((tag) => `--sim-dump=${tag}:5000`),
    );
    expect((await mustRun('cat', [mounted.at(dump.name)])).sha256).toBe(sha256(dump));
    return dump;
  }

  async function useAllHandles(mounted: Mounted): Promise<void> {
    await mustRun('cat', OTHERS.map(mounted.at.bind(mounted)));
  }

  /** Somebody else takes the dump away, and the platform makes another one under its tag. */
  function replace(mounted: Mounted, { name }: ExpectedDump, size: number): ExpectedDump {
    renameSync(join(mounted.simDir, name), join(mounted.directory, 'taken'));
    const next = fileDump(mounted.directory, TAG, size);
    renameSync(join(mounted.directory, name), join(mounted.simDir, name));
    return next;
  }

  function expectInFirmware(mounted: Mounted, { name, bytes, size }: ExpectedDump): void {
    expect(readdirSync(mounted.simDir).sort()).toEqual([name, `${name}.json`]);
    expect(readFileSync(join(mounted.simDir, name)).equals(bytes(0, size))).toBe(true);
  }

  async function remove(path: string): Promise<string> {
    const { status, stderr } = await runTool('rm', ['-f', path]);
    return status === 0 ? 'removed' : stderr.trim().replace(/^.*: /, '');
  }

  /** A file of its own, which goes once it has been read. */
  async function expectNewFile(mounted: Mounted, next: ExpectedDump): Promise<void> {
    const path = mounted.at(next.name);
    // The kernel answers out of what it knows of the one before until it has heard that it is gone.
    await expect.poll(async () => (await mustRun('stat', ['-c', '%s', path])).stdout).toBe(`${next.size}\n`);
    expect(await remove(path)).toBe('Device or resource busy');
    expectInFirmware(mounted, next);
    expect((await mustRun('cat', [path])).sha256).toBe(sha256(next));
    expect(await remove(path)).toBe('removed');
    expect(
      readFileSync(join(mounted.simDir, `${next.name}.invalidated`)).equals(next.bytes(0, next.size)),
    ).toBe(true);
  }

  test.each([
    { what: 'as long', size: SIZE },
    { what: 'longer', size: 3 * SIZE },
  ])('is not removed by the one before: $what', async ({ size }) => {
    await using mounted = new Mounted(cell);
    const dump = await delivered(mounted);
    await useAllHandles(mounted);
    const next = replace(mounted, dump, size);
    expect(await remove(mounted.at(dump.name))).toBe('Device or resource busy');
    expectInFirmware(mounted, next);
    expect(await mounted.invalidations()).toEqual([]);
    await expectNewFile(mounted, next);
  });

  test('is not removed by the one before whose handle is open still', async () => {
    await using mounted = new Mounted(cell);
    const dump = await delivered(mounted);
    const next = replace(mounted, dump, SIZE);
    // With papr, firmware is told of the dump that the handle stands for, which is gone: that is a success.
    await remove(mounted.at(dump.name));
    expectInFirmware(mounted, next);
    await expectNewFile(mounted, next);
  });

  test('is not removed by the last close of the one before', async () => {
    await using mounted = new Mounted(cell);
    const dump = await delivered(mounted);
    await using reader = await FileUser.of(mounted.at(dump.name));
    expect(await remove(mounted.at(dump.name))).toBe('removed');
    await useAllHandles(mounted);
    const next = replace(mounted, dump, SIZE);
    await reader.errno('close');
    expect(
      await mounted.daemon.said(
        'an unlinked dump is not removed: it is no longer what firmware holds under its tag',
      ),
    ).toMatchObject({ level: 'warn', tag: dump.name });
    expectInFirmware(mounted, next);
    expect(await mounted.invalidations()).toEqual([]);
    await expectNewFile(mounted, next);
  });
});
