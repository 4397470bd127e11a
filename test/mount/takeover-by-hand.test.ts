import { spawn } from 'node:child_process';
import { request as httpRequest } from 'node:http';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ByHand } from '../support/by-hand.js';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { FileUser } from '../support/file-user.js';
import type { Cell, Daemon } from '../support/mounted.js';
import { KERNEL, NATIVE, PROGRAM, until } from '../support/mounted.js';
import { mustRun, runTool } from '../support/run-tool.js';
import { remove, whatReadersSee } from '../support/succession.js';
import { SyscallClient } from '../support/syscall-client.js';
import { untilWaiting } from '../support/until-waiting.js';

const TAG = 0x2_0000_0001n;
const SIZE = 3_000_001;
const HALF = 1_500_000;
const SLOWLY = { latencyUs: 1000 };

whatReadersSee({
  how: '--takeover',
  of: (cell) => Promise.resolve(new ByHand(cell)),
  again: async (mount) => expect(await mount.takeOver()).toBe(0),
});

interface Answer {
  readonly pid?: number;
  readonly message?: string;
}

/** What a process that takes over asks, and nobody else. */
async function ask(mount: ByHand, method: string, body?: object): Promise<Answer> {
  const { socketPath } = mount;
  const request = httpRequest({ socketPath, path: '/v1/handover', method, agent: false });
  request.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return JSON.parse(text) as Answer;
}

/** It has gone on, and is the one to be asked. */
async function isServedBy(mount: ByHand, daemon: Daemon): Promise<boolean> {
  const offer = await ask(mount, 'GET').catch(() => ({ pid: undefined }));
  return offer.pid === daemon.child.pid;
}

/** Where the daemon waits: as soon as it has written down what it knows, or when it is about to do so for the last time. */
const HOLDS = { behindFirst: 'delay_exit=3600000000', beforeLast: 'delay_enter=3600000000:when=2' };

/** It waits until what is returned is disposed of. @param path of what it writes and then renames */
async function held(daemon: Daemon, path: string, where: keyof typeof HOLDS): Promise<AsyncDisposable> {
  const call = 'rename,renameat,renameat2';
  const filter = ['-P', path, '-e', `trace=${call}`, '-e', `inject=${call}:${HOLDS[where]}`];
  const tracer = spawn('strace', [...filter, '-o', '/dev/null', '-p', String(daemon.child.pid)], {
    stdio: 'ignore',
  });
  const ended = once(tracer, 'exit');
  await until('it is traced', () => !/^TracerPid:\s*0$/m.test(statusOf(daemon)));
  return {
    async [Symbol.asyncDispose]() {
      tracer.kill();
      await ended;
    },
  };
}

function statusOf({ child }: Daemon): string {
  return readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8');
}

/** SigCgt of /proc/PID/status has a bit for each signal that is caught. Node.js itself catches SIGTERM from the start. */
function listens(daemon: Daemon): boolean {
  const caught = BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)/m.exec(statusOf(daemon))?.[1] ?? '0'}`);
  return (caught & (1n << BigInt(constants.signals.SIGUSR2 - 1))) !== 0n;
}

describe('--takeover', () => {
  test('a directory that is being listed is listed on, and nothing is left', async () => {
    await using mount = new ByHand(KERNEL);
    for (let at = 0n; at < 50n; at += 1n) fileDump(mount.simDir, TAG + at, 100);
    await mount.start();
    using client = new SyscallClient();
    const fd = await client.must('opendir', mount.mountpoint);
    const entries = await client.must('entries at', fd, 0, 512);
    expect(await mount.takeOver()).toBe(0);
    for (let more = entries; more.length > 0; entries.push(...more))
      more = await client.must('entries at', fd, entries.at(-1)?.offset ?? 0, 512);
    const names = entries.map(({ name }) => name);
    expect(names.sort()).toEqual(['.', '..', ...readdirSync(mount.simDir)].sort());
    expect(mount.leftFiles).toEqual([]);
    expect(mount.mounts).toBe(1);
  });

  test('three in a row are a pause for a copy, and what it has got can be removed', async () => {
    await using mount = new ByHand(KERNEL);
    const dump = fileDump(mount.simDir, TAG, SIZE, SLOWLY);
    await mount.start();
    const copy = join(mount.out, 'copy');
    const copying = runTool('cp', [mount.at(dump.name), copy]);
    for (let times = 0; times < 3; times += 1) expect(await mount.takeOver()).toBe(0);
    expect(await copying).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(copy).equals(dump.bytes(0, SIZE))).toBe(true);
    expect(await remove(mount.at(dump.name))).toBe('removed');
    expect(await mount.invalidations()).toEqual([dump.name]);
  });

  test('of two at once one goes on, and the other says that it does not', async () => {
    await using mount = new ByHand(KERNEL);
    const dump = fileDump(mount.simDir, TAG, SIZE, SLOWLY);
    await mount.start();
    const before = mount.daemon;
    const copying = runTool('cat', [mount.at(dump.name)]);
    const both = [mount.launchTakeover(), mount.launchTakeover()];
    expect(await before.exit()).toBe(0);
    const loser = await Promise.race(both.map(async (daemon) => daemon.exit().then(() => daemon)));
    const winner = both.find((daemon) => daemon !== loser)!;
    await winner.said('mounted');
    expect(await loser.exit()).toBe(5);
    expect(loser.stderr).toContain('cannot take over');
    expect(await copying).toMatchObject({ status: 0, sha256: sha256(dump) });
    await until('the winner is asked', () => isServedBy(mount, winner));
  });

  test('a daemon in the background is taken over into the background', async () => {
    await using mount = new ByHand(KERNEL);
    const dump = fileDump(mount.simDir, TAG, SIZE);
    await mount.start();
    const before = mount.daemon;
    await using user = await FileUser.of(mount.at(dump.name));
    expect(await user.hash(0, HALF)).toBe(sha256(dump, 0, HALF));
    for (let times = 0; times < 2; times += 1) expect(await mount.launchTakeover('--daemon').exit()).toBe(0);
    expect(await before.exit()).toBe(0);
    expect(await user.hash(HALF, SIZE)).toBe(sha256(dump, HALF, SIZE));
    await user.errno('close');
    await mustRun(process.execPath, [PROGRAM, 'umount', mount.mountpoint]);
    await until(
      'it has ended',
      () => !readdirSync(mount.runtimeDirectory).some((name) => name.endsWith('.sock')),
    );
  });

  test.each<{
    what: string;
    cell?: Cell;
    env?: NodeJS.ProcessEnv;
    options?: string[];
    meanwhile?: (mount: ByHand) => unknown;
    status: number;
    says: string;
  }>([
    { what: 'other options', options: ['--allow-other'], status: 2, says: '--allow-other was false' },
    {
      what: 'another option for the kernel',
      options: ['-o', 'noexec'],
      status: 2,
      says: '-o was nosuid,nodev',
    },
    {
      what: 'another transport',
      options: ['--transport=fuse-native'],
      status: 2,
      says: 'exclude each other',
    },
    {
      what: 'a spool that cannot be used',
      options: ['--spool=/dev/null/none'],
      status: 1,
      says: '--spool /dev/null/none cannot be used',
    },
    {
      what: 'a service of systemd',
      env: { NOTIFY_SOCKET: '/nobody' },
      status: 5,
      says: 'systemd runs it: systemctl restart',
    },
    {
      what: 'fuse-native',
      cell: NATIVE,
      options: ['--transport=auto'],
      status: 5,
      says: 'fuse-native cannot',
    },
    {
      what: 'lockdown',
      meanwhile: (mount) => {
        mount.lock();
        return mount.daemon.said('locked down: no dump can be reached until restart');
      },
      status: 4,
      says: 'locked down',
    },
    {
      what: 'a daemon that hangs',
      meanwhile: (mount) => mount.daemon.child.kill('SIGSTOP'),
      status: 5,
      says: 'the daemon does not answer; if it hangs, kill -9 it',
    },
  ])('$what: it is said, and the daemon goes on', async ({ cell, env, options, meanwhile, status, says }) => {
    await using mount = new ByHand(cell ?? KERNEL);
    const dump = fileDump(mount.simDir, TAG, SIZE);
    mount.env = env ?? {};
    await mount.start();
    const { daemon } = mount;
    mount.env = {};
    await meanwhile?.(mount);
    const refused = mount.launchTakeover(...(options ?? []));
    expect(await refused.exit()).toBe(status);
    expect(refused.stderr).toContain(says);
    daemon.child.kill('SIGCONT');
    if (status !== 4) expect((await mustRun('cat', [mount.at(dump.name)])).sha256).toBe(sha256(dump));
    expect(mount.leftFiles).toEqual([]);
    expect(await daemon.stop()).toBe(0);
  });

  test('stopped before it has asked for the mount, it leaves the daemon alone', async () => {
    await using mount = new ByHand(KERNEL);
    const dump = fileDump(mount.simDir, TAG, SIZE);
    await mount.start();
    const { daemon } = mount;
    daemon.child.kill('SIGSTOP');
    const stopped = mount.launchTakeover();
    await until('it listens for signals', () => listens(stopped));
    stopped.child.kill('SIGTERM');
    daemon.child.kill('SIGCONT');
    expect(await stopped.exit()).toBe(5);
    expect(stopped.stderr).toContain('stopped by a signal before');
    expect((await mustRun('cat', [mount.at(dump.name)])).sha256).toBe(sha256(dump));
    expect(await daemon.stop()).toBe(0);
  });

  test('where no daemon serves it is said', async () => {
    await using mount = new ByHand(KERNEL);
    const refused = mount.launchTakeover();
    expect(await refused.exit()).toBe(5);
    expect(refused.stderr).toContain('no platdumpfs of this user serves it, mount without --takeover');
  });

  test('an accepted removal and lockdown that has risen meanwhile: nothing is removed, nothing shown', async () => {
    await using mount = new ByHand(KERNEL);
    const dump = fileDump(mount.simDir, TAG, SIZE);
    await mount.start();
    await using user = await FileUser.of(mount.at(dump.name));
    await user.pread(0, SIZE);
    expect(await remove(mount.at(dump.name))).toBe('removed');
    expect(await mount.takeOver()).toBe(0);
    mount.lock();
    await until('the pages are dropped', async () => (await user.resident(SIZE)) === 0);
    expect(await user.pread(0, 100)).toBe('EPERM');
    await user.errno('close');
    expect(mount.leftFiles).toEqual([]);
    expect(await mount.invalidations()).toEqual([]);
  });

  test('killed before it goes on: the mount is a stale one, and the next start leaves nothing of that', async () => {
    await using mount = new ByHand(KERNEL);
    const dump = fileDump(mount.simDir, TAG, SIZE);
    await mount.start();
    await using user = await FileUser.of(mount.at(dump.name));
    await user.pread(0, HALF);
    // The process that has asked, and takes nothing.
    const { pid } = mount.daemon.child;
    expect(await ask(mount, 'POST', { name: 'x', from: 1, to: 2 })).toMatchObject({ code: 'conflict' });
    expect(await ask(mount, 'POST', { name: 1 })).toMatchObject({ code: 'bad-request' });
    const answer = await ask(mount, 'POST', { name: 'x', from: pid, to: process.pid });
    expect(answer).toEqual({ kind: 'handed-over', mountpoint: mount.mountpoint });
    expect(await mount.daemon.exit()).toBe(0);
    await user.forget();
    expect(await user.pread(HALF, 100)).toBe('ENOTCONN');
    expect(mount.leftFiles).toHaveLength(1);
    await mount.start();
    expect(mount.isGoingOn).toBe(false);
    expect(mount.leftFiles).toEqual([]);
    expect((await mustRun('cat', [mount.at(dump.name)])).sha256).toBe(sha256(dump));
    expect(await mount.invalidations()).toEqual([]);
  });

  test('killed before it goes on, and lockdown has risen: the next start is refused, and nothing is left', async () => {
    await using mount = new ByHand(KERNEL);
    fileDump(mount.simDir, TAG, SIZE);
    await mount.start();
    const { pid } = mount.daemon.child;
    await ask(mount, 'POST', { name: 'x', from: pid, to: process.pid });
    expect(await mount.daemon.exit()).toBe(0);
    expect(mount.leftFiles).toHaveLength(1);
    mount.lock();
    mount.expected.push(/locked down/);
    expect(await mount.launch().exit()).toBe(4);
    expect(mount.leftFiles).toEqual([]);
    await mustRun('umount', ['-l', mount.mountpoint]);
  });

  test('lockdown rises while the daemon may still go on: nothing is left, and it does not leave', async () => {
    await using mount = new ByHand(KERNEL);
    fileDump(mount.simDir, TAG, 100);
    await mount.start();
    const { daemon } = mount;
    const holding = await held(daemon, `${mount.takeoverPath}.new`, 'behindFirst');
    const next = mount.launchTakeover();
    await until('it is written down', () => existsSync(mount.takeoverPath));
    mount.lock();
    await until('nothing is left', () => mount.leftFiles.length === 0);
    await holding[Symbol.asyncDispose]();
    expect(await next.exit(), next.stderr).toBe(4);
    expect(next.stderr).toContain('locked down');
    await daemon.said('locked down: no dump can be reached until restart');
    expect(readdirSync(mount.mountpoint)).toEqual([]);
    expect(mount.leftFiles).toEqual([]);
    expect(await daemon.stop()).toBe(0);
    expect(await mount.invalidations()).toEqual([]);
  });

  test('lockdown rises while nobody serves: the next process drops the pages, and nothing is left', async () => {
    await using mount = new ByHand(KERNEL);
    const dump = fileDump(mount.simDir, TAG, SIZE);
    await mount.start();
    const { daemon } = mount;
    await using user = await FileUser.of(mount.at(dump.name));
    expect(await user.hash(0, HALF)).toBe(sha256(dump, 0, HALF));
    const holding = await held(daemon, `${mount.takeoverPath}.new`, 'beforeLast');
    const next = mount.launchTakeover();
    // What the old process had written first is removed at the rise, though it could end only now.
    await until('it is about to be completed', () => mount.leftFiles.length === 2);
    mount.lock();
    await until('the rise is noticed', () => !existsSync(mount.takeoverPath));
    expect(await user.pread(0, 1)).toEqual(Buffer.from(dump.bytes(0, 1)));
    await holding[Symbol.asyncDispose]();
    await next.said('locked down: no dump can be reached until restart');
    expect(await daemon.exit()).toBe(0);
    await until('the pages are dropped', async () => (await user.resident(SIZE)) === 0);
    expect(await user.pread(0, 1)).toBe('EPERM');
    await user.errno('close');
    expect(mount.leftFiles).toEqual([]);
    expect(await next.stop()).toBe(0);
    expect(await mount.invalidations()).toEqual([]);
  });

  test.each<{ what: string; meanwhile?: (mount: ByHand, asking: Daemon) => Promise<unknown>; says: string }>([
    { what: 'that is said', says: 'firmware has not answered a call yet, try again when it has' },
    {
      what: 'whoever is stopped meanwhile says so',
      meanwhile: async (mount, asking) => {
        await until(
          'it has asked',
          async () => (await ask(mount, 'GET')).message === 'another process is taking it over',
        );
        asking.child.kill('SIGINT');
      },
      says: 'stopped by a signal before it was left to this process',
    },
  ])(
    'a firmware call that does not come back: $what, and the daemon goes on',
    async ({ meanwhile, says }) => {
      await using mount = new ByHand(KERNEL);
      const slow = fileDump(mount.simDir, TAG, 100, { latencyUs: 3_600_000_000 });
      const other = fileDump(mount.simDir, TAG + 1n, SIZE);
      await mount.start();
      const { daemon } = mount;
      const reading = spawn('cat', [mount.at(slow.name)]);
      await untilWaiting(reading.pid, /^(request_wait|folio_wait)/);
      const refused = mount.launchTakeover();
      await meanwhile?.(mount, refused);
      expect(await refused.exit()).toBe(5);
      expect(refused.stderr).toContain(says);
      expect((await mustRun('cat', [mount.at(other.name)])).sha256).toBe(sha256(other));
      expect(mount.leftFiles).toEqual([]);
      reading.kill();
      expect(await daemon.stop()).toBe(0);
    },
  );

  test.each<{ what: string; to: number }>([
    { what: 'broken off', to: process.pid },
    { what: 'ended', to: 0x3f_ffff },
  ])(
    'asked while it hung by a process that has $what meanwhile, the daemon goes on',
    async ({ what, to }) => {
      await using mount = new ByHand(KERNEL);
      const dump = fileDump(mount.simDir, TAG, SIZE);
      await mount.start();
      const { daemon } = mount;
      const { pid: from } = daemon.child;
      daemon.child.kill('SIGSTOP');
      const body = JSON.stringify({ name: 'x', from, to });
      const socket = createConnection(mount.socketPath);
      const head = `POST /v1/handover HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`;
      await new Promise<void>((resolve) => socket.write(head + body, () => resolve()));
      if (what === 'broken off') socket.destroy();
      daemon.child.kill('SIGCONT');
      // Behind the other one.
      await until('it is asked', () => isServedBy(mount, daemon));
      socket.destroy();
      expect((await mustRun('cat', [mount.at(dump.name)])).sha256).toBe(sha256(dump));
      expect(mount.leftFiles).toEqual([]);
      expect(await daemon.stop()).toBe(0);
    },
  );

  test('where nothing can be written for the next process the daemon goes on', async () => {
    await using mount = new ByHand(KERNEL);
    const dump = fileDump(mount.simDir, TAG, SIZE);
    await mount.start();
    // What is being written has that name: a directory of that name is in its way.
    const inTheWay = `${mount.takeoverPath}.new`;
    await mustRun('mkdir', [inTheWay]);
    writeFileSync(join(inTheWay, 'file'), '');
    const refused = mount.launchTakeover();
    expect(await refused.exit()).toBe(5);
    expect((await mustRun('cat', [mount.at(dump.name)])).sha256).toBe(sha256(dump));
    await mustRun('rm', ['-r', inTheWay]);
  });
});
