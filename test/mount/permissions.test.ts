import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fileDump } from '../support/expected-dump.js';
import { describeMount } from '../support/kernel-server-process.js';
import { Mounted } from '../support/mounted.js';
import type { ToolResult } from '../support/run-tool.js';
import { mustRun, runTool } from '../support/run-tool.js';

const TAG = 0x2_0000_0001n;
const [NOBODY, GROUP] = [65534, 54321];

/** Runs a program as user nobody. */
function asNobody(groups: readonly number[], command: string, ...args: string[]): Promise<ToolResult> {
  const membership = groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`;
  const user = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, membership];
  return runTool('setpriv', [...user, command, ...args]);
}

describeMount('a mount that others may use, handed over as a descriptor', () => {
  describe.each([
    { checkedBy: 'the kernel', options: 'allow_other,default_permissions' },
    { checkedBy: 'the filesystem', options: 'allow_other' },
  ])('permissions checked by $checkedBy', ({ options }) => {
    /** The mount is gone when `use` has ended. */
    async function withMount(
      args: string[],
      use: (mounted: Mounted, dump: string) => Promise<void>,
    ): Promise<void> {
      await using mounted = new Mounted({ transport: 'kernel', discipline: 'librtas' });
      await mustRun('chmod', ['755', mounted.directory]);
      const { name } = fileDump(mounted.simDir, TAG, randomBytes(10_000));
      await mounted.startOnDevice(options, `--sim-dir=${mounted.simDir}`, '--unlink=force', ...args);
      try {
        await use(mounted, mounted.at(name));
      } finally {
        await mustRun('umount', ['-i', mounted.mountpoint]);
        await mounted.daemon.exit();
      }
    }

    test("keep nobody from root's dumps, whatever root has looked at before", () =>
      withMount([], async (mounted, dump) => {
        await mustRun('ls', ['-l', mounted.mountpoint]);
        await mustRun('cat', [dump]);
        for (const [command, ...args] of [
          ['ls', mounted.mountpoint],
          ['stat', dump],
          ['cat', dump],
          ['test', '-r', dump],
          ['getfattr', '-n', 'user.platdump.tag', dump],
          ['rm', '-f', dump],
        ] as const) {
          const { status, stderr, stdout } = await asNobody([], command, ...args);
          expect({ command, status, stdout }).toMatchObject({ status: command === 'ls' ? 2 : 1, stdout: '' });
          if (command !== 'test') expect(stderr).toContain('Permission denied');
        }
        await mustRun('rm', [dump]);
      }));

    test('let in who is in the group, as far as the mode says', () =>
      withMount([`--gid=${GROUP}`, '--umask=0227'], async (mounted, dump) => {
        for (const groups of [[], [4]]) expect((await asNobody(groups, 'cat', dump)).status).toBe(1);
        const read = await asNobody([4, GROUP], 'cat', dump);
        expect(read).toMatchObject({ status: 0, bytes: 10_000 });
        expect((await asNobody([GROUP], 'ls', mounted.mountpoint)).status).toBe(0);
        const removed = await asNobody([GROUP], 'rm', '-f', dump);
        expect(removed.stderr).toContain('Permission denied');
      }));

    test('let everybody read and remove where the mode says so', () =>
      withMount(['--umask=0'], async (mounted, dump) => {
        expect(await asNobody([], 'cat', dump)).toMatchObject({ status: 0, bytes: 10_000 });
        expect(await asNobody([], 'rm', '-f', dump)).toMatchObject({ status: 0, stderr: '' });
        expect((await asNobody([], 'ls', mounted.mountpoint)).stdout).toBe('');
      }));
  });
});
