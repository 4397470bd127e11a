import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { until } from '../support/mounted.js';
import { Unprivileged, whyNoUser } from '../support/unprivileged.js';

const TAG = 0x2_0000_0001n;
const BUSY = 9903;
const AT_ONCE_MS = 10_000;
const why = whyNoUser();

/** A dump that the user may read, and what is said of it. */
function dumpOf(place: Unprivileged, index = 0n, side?: object): ExpectedDump {
  const dump = fileDump(place.simDir, TAG + index, 1_000_003, side);
  chmodSync(join(place.simDir, dump.name), 0o644);
  if (side !== undefined) chmodSync(join(place.simDir, `${dump.name}.json`), 0o644);
  return dump;
}

async function msUntilGone(child: ChildProcess): Promise<number> {
  const start = performance.now();
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  return performance.now() - start;
}

describe.skipIf(why !== undefined)(
  why === undefined ? 'a user other than root' : `a user other than root (skipped: ${why})`,
  () => {
    test('mounts through fusermount3, with the kernel transport, for nobody else', async () => {
      await using place = await Unprivileged.prepare();
      const dump = dumpOf(place);
      const daemon = await place.mount();
      expect(daemon.logged('transport chosen')).toMatchObject({
        transport: 'kernel',
        why: 'fusermount3 mounts for it: CAP_SYS_ADMIN is missing',
      });
      expect(place.mountLine).toMatch(/^platdumpfs \S+ fuse\.platdumpfs \S*nosuid,nodev\S*user_id=65534/);
      expect(place.run(['ls', '-ln', place.mountpoint]).stdout).toMatch(
        /^-r-------- 1 65534 65534 1000003 /m,
      );
      const copy = join(place.simDir, 'copy');
      expect(place.run(['cp', place.at(dump.name), copy]).status).toBe(0);
      expect(createHash('sha256').update(readFileSync(copy)).digest('hex')).toBe(sha256(dump));
      expect(place.run(['cat', place.at(dump.name)], 'root').status).toBe(1);
    });

    test.each(['SIGINT', 'SIGKILL'] as const)(
      'interrupts by %s what waits for firmware; a child that ends does not',
      async (signal) => {
        await using place = await Unprivileged.prepare();
        const dump = dumpOf(place, 0n, {
          announcedSize: null,
          faults: [{ at: 4096, status: BUSY, times: 'always' }],
        });
        const other = dumpOf(place, 1n);
        const trace = join(place.directory, 'run', 'trace');
        await place.mount(`--trace-rtas=${trace}`);
        // It handles SIGCHLD, and would say no by its exit status.
        const asker = place.start('bash', '-c', '[ -s "$0" ]', place.at(dump.name));
        await until('firmware is asked', () => readIfThere(trace).includes(String(BUSY)));
        asker.kill('SIGCHLD');
        await sleep(350);
        expect([asker.exitCode, asker.signalCode]).toEqual([null, null]);
        asker.kill(signal);
        expect(await msUntilGone(asker)).toBeLessThan(AT_ONCE_MS);
        expect(place.run(['cmp', place.at(other.name), join(place.simDir, other.name)]).status).toBe(0);
      },
    );

    test('keeps its memory and its files from other processes of the same user', async () => {
      await using place = await Unprivileged.prepare();
      const dump = dumpOf(place);
      const daemon = await place.mount();
      expect(place.run(['cat', place.at(dump.name)]).status).toBe(0);
      const proc = `/proc/${daemon.child.pid}`;
      expect(readFileSync(`${proc}/cmdline`, 'utf8')).toContain(place.mountpoint);
      for (const command of [
        ...['mem', 'maps', 'environ', 'auxv', 'stack'].map((file) => ['cat', `${proc}/${file}`]),
        ['ls', `${proc}/fd/`],
        ['readlink', `${proc}/exe`],
        ['strace', '-qq', '-p', String(daemon.child.pid)],
      ]) {
        const { status, stdout, stderr } = place.run(command);
        expect({ command, status, stdout, stderr }).toMatchObject({ stdout: '' });
        expect(status, command.join(' ')).not.toBe(0);
      }
    });

    test.each([
      { what: 'platdumpfs umount', how: 'program' },
      { what: 'fusermount3 -u', how: 'helper' },
      { what: 'SIGTERM', how: 'signal' },
    ] as const)('unmounts by $what, and the daemon ends with status 0', async ({ how }) => {
      await using place = await Unprivileged.prepare();
      dumpOf(place);
      const daemon = await place.mount();
      if (how === 'signal') daemon.child.kill('SIGTERM');
      else if (how === 'helper') expect(place.run(['fusermount3', '-u', place.mountpoint]).status).toBe(0);
      else expect(place.platdumpfs('umount', place.mountpoint)).toMatchObject({ status: 0, stderr: '' });
      expect(await daemon.exit()).toBe(0);
      expect(place.mountLine).toBeUndefined();
    });

    test('unmounts a busy mount by detaching it, also while the daemon does not run', async () => {
      await using place = await Unprivileged.prepare();
      const dump = dumpOf(place);
      const daemon = await place.mount();
      const holder = place.start('sh', '-c', 'exec 7< "$0"; exec sleep 60', place.at(dump.name));
      await until(
        'the file is held',
        () => place.run(['test', '-e', `/proc/${holder.pid}/fd/7`]).status === 0,
      );
      daemon.child.kill('SIGSTOP');
      const { status } = place.platdumpfs('umount', '--unmount-timeout=0.3', place.mountpoint);
      expect(status).toBe(0);
      expect(place.mountLine).toBeUndefined();
      daemon.child.kill('SIGCONT');
      holder.kill();
      expect(await daemon.exit()).toBe(0);
    });

    test('clears what a killed daemon left, and serves again', async () => {
      await using place = await Unprivileged.prepare();
      const dump = dumpOf(place);
      const daemon = await place.mount();
      expect(await daemon.stop('SIGKILL')).toBe('SIGKILL');
      expect(place.run(['ls', place.mountpoint]).stderr).toContain('not connected');
      await place.mount();
      expect(place.run(['cmp', place.at(dump.name), join(place.simDir, dump.name)]).status).toBe(0);
    });

    test('removes what it has read, where the mask lets the owner write to the directory', async () => {
      await using place = await Unprivileged.prepare();
      const dump = dumpOf(place);
      await place.mount('--umask=0077');
      expect(place.run(['cat', place.at(dump.name)]).status).toBe(0);
      expect(place.run(['rm', '-f', place.at(dump.name)])).toMatchObject({ status: 0, stderr: '' });
      expect(place.run(['ls', place.mountpoint]).stdout).toBe('');
    });

    test('is told why, where fusermount3 does not mount', async () => {
      await using place = await Unprivileged.prepare();
      dumpOf(place);
      chmodSync(place.mountpoint, 0o555);
      const daemon = place.launch();
      expect(await daemon.exit()).toBe(5);
      expect(daemon.stderr).toContain('fusermount3: user has no write access to mountpoint');
      expect(place.mountLine).toBeUndefined();
    });
  },
);

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
