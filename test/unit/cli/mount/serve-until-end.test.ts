import { describe, expect, test, vi } from 'vitest';
import { createLogger } from '../../../../src/base/log.js';
import { serveUntilEnd } from '../../../../src/cli/mount/serve-until-end.js';
import type { StopSignals } from '../../../../src/cli/mount/stop-signals.js';
import type { Mounted, MountEnd } from '../../../../src/fuse/index.js';
import { PATIENCE } from '../../../support/patience.js';

const NEVER = new Promise<never>(() => undefined);

interface Played {
  readonly lines: string[];
  readonly unmount: ReturnType<typeof vi.fn<Mounted['unmount']>>;
  readonly end: (how: MountEnd) => void;
  readonly served: Promise<void>;
}

function play(
  signals: { first?: Promise<NodeJS.Signals>; second?: Promise<NodeJS.Signals> },
  handedOver?: Promise<void>,
): Played {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', format: 'text', write: (line) => lines.push(line) });
  let end: (how: MountEnd) => void = () => undefined;
  const ended = new Promise<MountEnd>((resolve) => (end = resolve));
  const unmount = vi.fn<Mounted['unmount']>(async () => {
    end('unmounted');
    return Promise.resolve();
  });
  const stop = { first: signals.first ?? NEVER, second: signals.second ?? NEVER } as unknown as StopSignals;
  const served = serveUntilEnd({ ended, unmount }, stop, 5000, log, undefined, handedOver);
  return { lines, unmount, end, served };
}

describe('serveUntilEnd', () => {
  test('ends without unmounting when somebody else unmounted', async () => {
    const { served, end, unmount, lines } = play({});
    end('unmounted');
    await served;
    expect(unmount).not.toHaveBeenCalled();
    expect(lines).toEqual(['platdumpfs: info: unmounted\n']);
  });

  test('ends without unmounting when another process goes on', async () => {
    const { served, unmount, lines } = play({}, Promise.resolve());
    await served;
    expect(unmount).not.toHaveBeenCalled();
    expect(lines).toEqual([]);
  });

  test('a lost connection is a failure: nobody may take it for an orderly end, and unmount', async () => {
    const { served, end, unmount, lines } = play({});
    end('lost');
    await expect(served).rejects.toThrow(/ENOTCONN/);
    await expect(served).rejects.toMatchObject({ status: 1 });
    expect(unmount).not.toHaveBeenCalled();
    expect(lines).toEqual([]);
  });

  test('a signal unmounts within the configured time', async () => {
    const { served, unmount } = play({ first: Promise.resolve('SIGTERM') });
    await served;
    expect(unmount.mock.calls).toEqual([[5000]]);
  });

  test('a second signal detaches a busy mount at once', async () => {
    let second: (signal: NodeJS.Signals) => void = () => undefined;
    const { served, unmount } = play({
      first: Promise.resolve('SIGINT'),
      second: new Promise((resolve) => (second = resolve)),
    });
    unmount.mockImplementationOnce(() => NEVER);
    await vi.waitUntil(() => unmount.mock.calls.length === 1, PATIENCE);
    second('SIGINT');
    await served;
    expect(unmount.mock.calls).toEqual([[5000], [0]]);
  });

  test('a refused unmount is a failure with its reason', async () => {
    const { served, unmount } = play({ first: Promise.resolve('SIGINT') });
    unmount.mockRejectedValueOnce(new Error('tmpfs is mounted over it'));
    await expect(served).rejects.toMatchObject({ status: 1, message: 'tmpfs is mounted over it' });
  });
});
