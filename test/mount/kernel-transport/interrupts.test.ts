import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { describeMount, KernelServerProcess, PATIENCE } from '../../support/kernel-server-process.js';
import { memoryDigest } from '../../support/memory-filesystem.mjs';
import { mustRun } from '../../support/run-tool.js';

const MIB = 1024 * 1024;
/** As long as a person is willing to look at a prompt that does not come back. */
const AT_ONCE_MS = 1000;

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
});
