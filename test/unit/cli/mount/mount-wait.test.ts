import { describe, expect, test } from 'vitest';
import { createLogger } from '../../../../src/base/log.js';
import { mountedUnlessStopped } from '../../../../src/cli/mount/mount-wait.js';
import type { Mounted } from '../../../../src/fuse/index.js';

const NEVER = new Promise<never>(() => undefined);
const MOUNTED: Mounted = { ended: NEVER, unmount: () => Promise.resolve() };

function logInto(lines: string[]): ReturnType<typeof createLogger> {
  return createLogger({ level: 'info', format: 'text', write: (line) => lines.push(line) });
}

describe('mountedUnlessStopped', () => {
  test('says what it waits for, and ends by a signal', async () => {
    const lines: string[] = [];
    let send: (signal: NodeJS.Signals) => void = () => undefined;
    const first = new Promise<NodeJS.Signals>((resolve) => (send = resolve));
    const waiting = mountedUnlessStopped(NEVER, { first }, logInto(lines), { sayAfterMs: 1, finishMs: 1 });
    await expect.poll(() => lines.join('')).toContain('FUSE_INIT');
    send('SIGTERM');
    await expect(waiting).rejects.toMatchObject({
      status: 1,
      message: expect.stringMatching(/SIGTERM.*FUSE_INIT/) as string,
    });
  });

  test('lets a mount that is there soon after the signal be undone as usual', async () => {
    const first = Promise.resolve<NodeJS.Signals>('SIGTERM');
    const waits = { sayAfterMs: 1e6, finishMs: 1e6 };
    const mounting = first.then(() => MOUNTED);
    expect(await mountedUnlessStopped(mounting, { first }, logInto([]), waits)).toBe(MOUNTED);
  });

  test('passes on why it cannot be mounted', async () => {
    const mounting = Promise.reject(new Error('busy'));
    await expect(mountedUnlessStopped(mounting, { first: NEVER }, logInto([]))).rejects.toThrow('busy');
  });
});
