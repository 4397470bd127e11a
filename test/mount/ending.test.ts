import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump, generatedDump, sha256 } from '../support/expected-dump.js';
import { FileUser } from '../support/file-user.js';
import { Mounted, PROGRAM, TRANSPORTS, until } from '../support/mounted.js';
import { mustRun, runTool } from '../support/run-tool.js';
import { Victim } from '../support/victim.js';

const TAG = 0x2_0000_0001n;
const LOST = /^platdumpfs: the connection to the kernel is lost: the mount point answers ENOTCONN/;

async function startWithOneDump(mounted: Mounted): Promise<ExpectedDump> {
  const dump = fileDump(mounted.simDir, TAG, 300_017);
  await mounted.start(`--sim-dir=${mounted.simDir}`);
  return dump;
}

describe.each(TRANSPORTS)('an aborted connection, $transport', (cell) => {
  test('is no success: exit status 1, ENOTCONN until the next start', async () => {
    await using mounted = new Mounted(cell);
    mounted.expected.push(LOST);
    const dump = await startWithOneDump(mounted);
    {
      await using user = await FileUser.of(mounted.at(dump.name));
      // Busy: the connection is aborted, and the mount stays.
      await runTool('umount', ['-f', mounted.mountpoint]);
      expect(await mounted.daemon.exit()).toBe(1);
      expect(await user.pread(0, 1)).toMatch(/^(ENOTCONN|ECONNABORTED|EIO)$/);
    }
    expect((await runTool('ls', [mounted.mountpoint])).stderr).toContain('not connected');
    await mounted.start(`--sim-dir=${mounted.simDir}`);
    expect((await mustRun('cat', [mounted.at(dump.name)])).sha256).toBe(sha256(dump));
    expect(mounted.mounts).toBe(1);
  });

  test('that takes the mount with it was unmounted: exit status 0', async () => {
    await using mounted = new Mounted(cell);
    await startWithOneDump(mounted);
    await mustRun('umount', ['-f', mounted.mountpoint]);
    expect(await mounted.daemon.exit()).toBe(0);
    expect(mounted.mounts).toBe(0);
  });
});

describe.each(TRANSPORTS)('umount(8) after a reader was killed, $transport', (cell) => {
  test('ends the daemon, and the firmware calls that nobody waits for any more', async () => {
    await using mounted = new Mounted(cell);
    // Read to its end it would take a minute.
    const dump = generatedDump(TAG, 256 * 1024 * 1024);
    await mounted.start(
      `--sim-dump=${dump.name}:256MiB`,
      '--sim-latency-us=1000',
      `--trace-rtas=${mounted.tracePath}`,
    );
    using reader = new Victim('tail', '-c', '5', mounted.at(dump.name));
    await until('firmware is called', async () => (await mounted.trace()).length > 100);
    await reader.signal('SIGKILL', 10_000);
    await mustRun('umount', [mounted.mountpoint]);
    expect(await mounted.daemon.exit()).toBe(0);
    expect((await mounted.trace()).length).toBeLessThan((256 * 1024) / 4 / 2);
  });
});

describe.each(TRANSPORTS)('platdumpfs umount while the daemon does not run, $transport', (cell) => {
  const umount = (mounted: Mounted): ReturnType<typeof spawnSync> =>
    spawnSync(process.execPath, [PROGRAM, 'umount', '--unmount-timeout=0.3', mounted.mountpoint], {
      encoding: 'utf8',
      timeout: 20_000,
    });

  test('unmounts', async () => {
    await using mounted = new Mounted(cell);
    await startWithOneDump(mounted);
    mounted.daemon.child.kill('SIGSTOP');
    expect(umount(mounted)).toMatchObject({ status: 0, stderr: '' });
    expect(mounted.mounts).toBe(0);
    mounted.daemon.child.kill('SIGCONT');
    expect(await mounted.daemon.exit()).toBe(0);
  });

  test('detaches what is busy, and says who holds it', async () => {
    await using mounted = new Mounted(cell);
    const dump = await startWithOneDump(mounted);
    {
      await using user = await FileUser.of(mounted.at(dump.name));
      expect(await user.number('size')).toBe(dump.size);
      mounted.daemon.child.kill('SIGSTOP');
      expect(umount(mounted)).toMatchObject({
        status: 0,
        stderr: expect.stringContaining('python3') as string,
      });
      expect(mounted.mounts).toBe(0);
      // Who closes a file of libfuse's waits for it.
      mounted.daemon.child.kill('SIGCONT');
    }
    expect(await mounted.daemon.exit()).toBe(0);
  });
});
