import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { FileUser } from '../support/file-user.js';
import type { Cell } from '../support/mounted.js';
import { Mounted, TRANSPORTS, until } from '../support/mounted.js';
import { mustRun, runTool } from '../support/run-tool.js';

const SIZE = 500_001;
const TAG = 0x2_0000_0001n;

class Scene extends Mounted {
  readonly dump: ExpectedDump;

  constructor(cell: Cell) {
    super(cell);
    this.dump = fileDump(this.simDir, TAG, SIZE);
  }

  get path(): string {
    return this.at(this.dump.name);
  }

  get options(): readonly string[] {
    return [`--sim-dir=${this.simDir}`, `--trace-rtas=${this.tracePath}`];
  }

  async expectServed(): Promise<void> {
    expect(this.mounts).toBe(1);
    expect((await mustRun('ls', [this.mountpoint])).stdout).toBe(`${this.dump.name}\n`);
    expect((await mustRun('cat', [this.path])).sha256).toBe(sha256(this.dump));
  }

  /** An orderly end: nothing mounted, nothing removed. */
  async expectEnded(): Promise<void> {
    expect(this.mounts).toBe(0);
    expect(readdirSync(this.mountpoint)).toEqual([]);
    expect(readdirSync(this.simDir)).toEqual([this.dump.name]);
    expect(await this.invalidations()).toEqual([]);
  }

  /** Processes of the program that serve here. */
  async pids(): Promise<readonly string[]> {
    const { stdout } = await runTool('pgrep', ['-f', `bin/platdumpfs .*${this.mountpoint}`]);
    return stdout.split('\n').filter((pid) => pid !== '');
  }
}

describe.each(TRANSPORTS)('end of a mount, $transport', (cell) => {
  test('after kill -9 every access answers ENOTCONN; the same command line serves again, on one mount', async () => {
    await using scene = new Scene(cell);
    for (let times = 0; times < 2; times += 1) {
      await scene.start(...scene.options);
      await scene.expectServed();
      expect(await scene.daemon.stop('SIGKILL')).toBe('SIGKILL');
      for (const [program, ...args] of [
        ['ls', scene.mountpoint],
        ['cat', scene.path],
        ['stat', '-f', scene.mountpoint],
      ] as const) {
        const { status, stderr } = await runTool(program, args);
        expect(status).not.toBe(0);
        expect(stderr).toContain('Transport endpoint is not connected');
      }
      expect(scene.mounts).toBe(1);
    }
    await scene.start(...scene.options);
    await scene.expectServed();
  });

  test.each([
    { what: 'SIGINT', end: (scene: Scene) => scene.daemon.stop('SIGINT') },
    { what: 'SIGTERM', end: (scene: Scene) => scene.daemon.stop('SIGTERM') },
    {
      what: 'umount(8)',
      end: async (scene: Scene) => {
        await mustRun('umount', [scene.mountpoint]);
        return scene.daemon.exit();
      },
    },
  ])('$what ends it with status 0, and nothing is lost', async ({ end }) => {
    await using scene = new Scene(cell);
    await scene.start(...scene.options);
    await scene.expectServed();
    expect(await end(scene)).toBe(0);
    await scene.expectEnded();
  });

  test('a busy mount is detached after --unmount-timeout; a line says who held it', async () => {
    await using scene = new Scene(cell);
    await scene.start(...scene.options, '--unmount-timeout=0.3');
    await using user = await FileUser.of(scene.path);
    expect(await scene.daemon.stop('SIGTERM')).toBe(0);
    const line = scene.daemon.logged('the mount is still busy and is detached now');
    expect(line?.['heldBy']).toMatch(/^python3(\.\d+)? \(\d+\)$/);
    await scene.expectEnded();
    expect(await user.pread(0, 1)).toBe('ENOTCONN');
  });

  test('a reader that waits for firmware does not keep it from ending', async () => {
    await using scene = new Scene(cell);
    // Its first call takes longer than anybody waits here.
    const slow = fileDump(scene.simDir, TAG + 1n, SIZE, {
      faults: [{ at: 4096, status: 9905, times: 'always' }],
    });
    await scene.start(...scene.options, '--unmount-timeout=0.3');
    const stuck = runTool('cat', [scene.at(slow.name)]);
    await until('firmware is busy', async () => (await scene.trace()).some(({ tag }) => tag === slow.name));
    expect(await scene.daemon.stop('SIGTERM')).toBe(0);
    expect(scene.mounts).toBe(0);
    expect((await stuck).status).not.toBe(0);
  });

  test('--daemon returns when the mount is usable, and umount ends the daemon', async () => {
    await using scene = new Scene(cell);
    const { status } = await runTool(process.execPath, scene.command('--daemon', ...scene.options));
    try {
      expect(status).toBe(0);
      await scene.expectServed();
      expect(await scene.pids()).toHaveLength(1);
    } finally {
      await runTool('umount', [scene.mountpoint]);
    }
    await until('the daemon has ended', async () => (await scene.pids()).length === 0);
    await scene.expectEnded();
  });
});
