import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import {
  describeMount,
  KernelServerProcess,
  TemporaryMountpoint,
} from '../../support/kernel-server-process.js';
import { memoryDigest } from '../../support/memory-filesystem.mjs';
import { mustRun, runTool } from '../../support/run-tool.js';
import { PATIENCE } from '../../support/patience.js';

const MIB = 1024 * 1024;
/** What is held never ends by itself: a busy machine may take its time. */
const AT_ONCE_MS = 10_000;

/** Several looks at what a requester has pending: whoever is ended by a harmless signal is ended by then. */
const LOOKS_MS = 350;

async function msUntilGone(child: ChildProcess): Promise<number> {
  const start = performance.now();
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return performance.now() - start;
}

/** Once more while the kernel answers from what it still knows: a notification that it is old takes its time. */
async function startWaiting(
  server: KernelServerProcess,
  tool: string,
  args: readonly string[],
): Promise<ChildProcess> {
  for (;;) {
    const child = spawn(tool, args, { stdio: 'ignore' });
    const answered = once(child, 'exit').then(() => false);
    const waits = server.untilWaiting().then(() => true);
    if (await Promise.race([waits, answered])) return child;
  }
}

describeMount('kernel transport interrupts', () => {
  test.each([
    { tool: 'cat', args: [], held: 'read', signal: 'SIGINT' },
    { tool: 'cat', args: [], held: 'read', signal: 'SIGKILL' },
    { tool: 'stat', args: [], held: 'getattr', signal: 'SIGINT' },
    { tool: 'stat', args: [], held: 'lookup', signal: 'SIGTERM' },
    { tool: 'rm', args: ['-f'], held: 'unlink', signal: 'SIGINT' },
  ] as const)('$tool that waits in $held, by $signal', async ({ tool, args, held, signal }) => {
    await using server = await KernelServerProcess.start();
    await server.add('slow', MIB);
    await server.add('other', MIB);
    if (held !== 'lookup') await stat(server.path('slow'));
    if (held === 'getattr')
      await server.emit({ kind: 'attributes', ino: (await stat(server.path('slow'))).ino });
    await server.hold(held, 'slow');
    const child = await startWaiting(server, tool, [...args, server.path('slow')]);
    child.kill(signal);
    expect(await msUntilGone(child)).toBeLessThan(AT_ONCE_MS);
    expect((await mustRun('cat', [server.path('other')])).sha256).toBe(memoryDigest('other', MIB));
  });

  test('a direct read that nothing else could end: EINTR', async () => {
    await using server = await KernelServerProcess.start();
    await server.add('slow', MIB);
    await server.hold('read');
    const child = spawn('dd', [`if=${server.path('slow')}`, 'iflag=direct', 'of=/dev/null', 'bs=64k']);
    await server.untilWaiting();
    child.kill('SIGINT');
    expect(await msUntilGone(child)).toBeLessThan(AT_ONCE_MS);
    await vi.waitUntil(async () => (await server.stats()).waiting === 0, PATIENCE);
    expect(await server.stats()).toMatchObject({ openFiles: 0, pinned: 0, delivered: [0] });
  });

  test('one reader, not the other one of the same file', async () => {
    await using server = await KernelServerProcess.start();
    await server.add('slow', 64);
    await server.hold('read');
    const first = spawn('cat', [server.path('slow')], { stdio: 'ignore' });
    await server.untilWaiting();
    const second = mustRun('cat', [server.path('slow')]);
    first.kill('SIGINT');
    await msUntilGone(first);
    await server.command('letGo', { operation: 'read' });
    expect((await second).sha256).toBe(memoryDigest('slow', 64));
  });

  // A shell whose child ends, Ctrl-Z and fg, a progress bar's timer, dd's progress, a profiler, a resized terminal.
  const HARMLESS = [
    { title: 'bash that handles SIGCHLD', program: 'bash', script: '[ -s "$0" ]', signals: ['SIGCHLD'] },
    { title: 'stat that is stopped and continued', program: 'stat', signals: ['SIGSTOP', 'SIGCONT'] },
    { title: 'stat in a terminal', program: 'stat', signals: ['SIGTSTP', 'SIGCONT', 'SIGWINCH', 'SIGURG'] },
    {
      title: 'a program with timers',
      program: 'python3',
      script:
        'import os, signal, sys\n' +
        'for s in signal.SIGALRM, signal.SIGPROF, signal.SIGUSR1: signal.signal(s, lambda *_: None)\n' +
        // By the C library, since Python itself tries again.
        'import ctypes\n' +
        'libc = ctypes.CDLL(None)\n' +
        'sys.exit(libc.access(sys.argv[1].encode(), os.R_OK))',
      signals: ['SIGALRM', 'SIGPROF', 'SIGUSR1'],
    },
  ] as const;

  test.each(HARMLESS)('not $title: it gets its answer', async ({ program, signals, ...rest }) => {
    await using server = await KernelServerProcess.start();
    await server.add('slow', MIB);
    await server.hold('lookup', 'slow');
    const script = 'script' in rest ? ['-c', rest.script] : [];
    const child = await startWaiting(server, program, [...script, server.path('slow')]);
    for (const signal of signals) {
      child.kill(signal);
      await sleep(LOOKS_MS / signals.length);
    }
    expect(child.exitCode).toBeNull();
    await server.command('letGo', { operation: 'lookup' });
    await msUntilGone(child);
    expect(child.exitCode).toBe(0);
  });

  test('a program that handles SIGCHLD, which came first, and Ctrl-C', async () => {
    await using server = await KernelServerProcess.start();
    await server.add('slow', MIB);
    await server.hold('lookup', 'slow');
    const script =
      'import os, signal, sys\n' +
      'signal.signal(signal.SIGCHLD, lambda *_: None)\n' +
      'os.open(sys.argv[1], os.O_RDONLY)';
    const child = await startWaiting(server, 'python3', ['-c', script, server.path('slow')]);
    child.kill('SIGCHLD');
    await sleep(LOOKS_MS);
    expect(child.exitCode).toBeNull();
    child.kill('SIGINT');
    expect(await msUntilGone(child)).toBeLessThan(AT_ONCE_MS);
  });

  test.each(['SIGTERM', 'SIGKILL', 'SIGALRM'] as const)('by %s what Ctrl-Z came in on', async (signal) => {
    await using server = await KernelServerProcess.start();
    await server.add('slow', MIB);
    await server.hold('lookup', 'slow');
    const child = await startWaiting(server, 'stat', [server.path('slow')]);
    for (const harmless of ['SIGTSTP', 'SIGCONT'] as const) child.kill(harmless);
    await sleep(LOOKS_MS);
    child.kill(signal);
    expect(await msUntilGone(child)).toBeLessThan(AT_ONCE_MS);
    expect(child.signalCode).toBe(signal);
  });

  test('a thread that is not the first of its process, by SIGKILL', async () => {
    await using server = await KernelServerProcess.start();
    await server.add('slow', MIB);
    await server.hold('lookup', 'slow');
    const script =
      'import os, sys, threading\n' +
      'threading.Thread(target=os.stat, args=sys.argv[1:]).start()\n' +
      'threading.Event().wait()';
    const child = await startWaiting(server, 'python3', ['-c', script, server.path('slow')]);
    child.kill('SIGKILL');
    expect(await msUntilGone(child)).toBeLessThan(AT_ONCE_MS);
  });

  test('somebody who is in another pid namespace than who serves', async ({ skip }) => {
    const namespaces = ['--pid', '--fork', '--kill-child', '--mount-proc'];
    const can = await runTool('unshare', [...namespaces, 'true']).catch(() => undefined);
    if (can?.status !== 0) skip('no pid namespaces here');
    await using place = new TemporaryMountpoint();
    const fd = openSync('/dev/fuse', 'r+');
    const options = `fd=3,rootmode=40000,user_id=0,group_id=0,default_permissions`;
    const mountArgs = ['-i', '-t', 'fuse.platdumpfs', '-o', options, 'memory', place.mountpoint];
    await using server = KernelServerProcess.unmounted({
      mountpoint: '/dev/fd/4',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', fd],
      through: ['unshare', ...namespaces],
    });
    expect(spawnSync('mount', mountArgs, { stdio: ['ignore', 'ignore', 'inherit', fd] }).status).toBe(0);
    closeSync(fd);
    expect(await server.nextEvent()).toMatchObject({ event: 'mounted' });
    await server.add('slow', MIB);
    await server.hold('lookup', 'slow');
    const child = await startWaiting(server, 'stat', [`${place.mountpoint}/slow`]);
    child.kill('SIGTERM');
    expect(await msUntilGone(child)).toBeLessThan(AT_ONCE_MS);
  });
});
