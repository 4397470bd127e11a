import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { FileUser } from '../support/file-user.js';
import { Mounted, TRANSPORTS, until } from '../support/mounted.js';
import { mustRun, runTool } from '../support/run-tool.js';

const MIB = 1024 * 1024;
const [FIRST, SECOND] = [0x2_0000_0001n, 0x2_0000_0002n];

describe.each(TRANSPORTS)('dumps come and go, $transport', (cell) => {
  async function names(mounted: Mounted): Promise<readonly string[]> {
    const { stdout } = await mustRun('ls', [mounted.mountpoint]);
    return stdout.split('\n').filter((name) => name !== '');
  }

  /** Whole at once, as a dump is there or not. */
  function appear(mounted: Mounted, tag: bigint, size: number): ExpectedDump {
    const dump = fileDump(mounted.directory, tag, size);
    renameSync(join(mounted.directory, dump.name), join(mounted.simDir, dump.name));
    return dump;
  }

  test('one that appears is listed and can be read, also where its name was asked for in vain', async () => {
    await using mounted = new Mounted(cell);
    const first = fileDump(mounted.simDir, FIRST, 1000);
    await mounted.start(`--sim-dir=${mounted.simDir}`);
    expect(await names(mounted)).toEqual([first.name]);
    const inVain = await runTool('stat', [mounted.at('0x0000000200000002')]);
    expect(inVain.stderr).toContain('No such file or directory');

    const second = appear(mounted, SECOND, 2000);

    await until('it is listed', async () => (await names(mounted)).includes(second.name));
    await until(
      'its name is known',
      async () => (await runTool('stat', [mounted.at(second.name)])).status === 0,
    );
    expect((await mustRun('cat', [mounted.at(second.name)])).sha256).toBe(sha256(second));
  });

  test('one that vanishes leaves listing and names; a reader gets ESTALE for what was never fetched', async () => {
    await using mounted = new Mounted(cell);
    const dump = fileDump(mounted.simDir, FIRST, 32 * MIB);
    await mounted.start(`--sim-dir=${mounted.simDir}`);
    await using user = await FileUser.of(mounted.at(dump.name));
    expect(await user.hash(0, 4096)).toBe(sha256(dump, 0, 4096));

    rmSync(join(mounted.simDir, dump.name));

    await until('it is not listed', async () => (await names(mounted)).length === 0);
    const byName = async (): Promise<string> => (await runTool('stat', [mounted.at(dump.name)])).stderr;
    // To libfuse a name stands for what was opened under it, until it is closed (docs/transports.md).
    if (cell.transport === 'kernel') await expect.poll(byName).toContain('No such file or directory');
    expect(await user.pread(31 * MIB, 4096)).toBe('ESTALE');
    expect(await user.hash(0, 4096), 'what it has got stays').toBe(sha256(dump, 0, 4096));
    await user.errno('close');
    await until('its name is gone', async () => (await byName()).includes('No such file or directory'));
  });

  test('a tag that comes back is a new file: inode, size and bytes are its own', async () => {
    await using mounted = new Mounted(cell);
    const before = fileDump(mounted.simDir, FIRST, 300_001);
    await mounted.start(`--sim-dir=${mounted.simDir}`);
    const path = mounted.at(before.name);
    const ino = async (): Promise<string> => (await runTool('stat', ['-c', '%i', path])).stdout;
    expect((await mustRun('cat', [path])).sha256).toBe(sha256(before));
    const first = await ino();

    rmSync(join(mounted.simDir, before.name));
    await until('it is not listed', async () => (await names(mounted)).length === 0);
    const after = appear(mounted, FIRST, 200_001);
    await until('it is back', async () => (await ino()) !== '');

    expect(await ino()).not.toBe(first);
    expect((await mustRun('stat', ['-c', '%s', path])).stdout).toBe('200001\n');
    expect((await mustRun('cat', [path])).sha256).toBe(sha256(after));
    const { stderr } = await runTool('rm', ['-f', path]);
    expect(stderr, 'it was read, so it may go').toBe('');
  });

  test('a tag that comes back has not been delivered, however often the one before was', async () => {
    await using mounted = new Mounted(cell);
    const before = fileDump(mounted.simDir, FIRST, 300_001);
    await mounted.start(`--sim-dir=${mounted.simDir}`);
    const path = mounted.at(before.name);
    await mustRun('cat', [path]);
    await mustRun('rm', [path]);
    appear(mounted, FIRST, 300_001);
    await until('it is back', async () => (await names(mounted)).length === 1);
    await until('its name is known', async () => (await runTool('stat', [path])).status === 0);
    expect((await runTool('rm', ['-f', path])).stderr).toContain('Device or resource busy');
  });
});
