import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { silentLogger } from '../../../../src/base/log.js';
import { tagName } from '../../../../src/base/tag.js';
import type { ControlResponse } from '../../../../src/cli/control/control-protocol.js';
import { readHandoverFile } from '../../../../src/cli/mount/handover-file.js';
import { HandoverOnRequest } from '../../../../src/cli/mount/handover-on-request.js';
import { takeoverPath } from '../../../../src/cli/runtime-directory.js';
import { ROOT_INO } from '../../../../src/fs/index.js';
import { context } from '../../../support/bare.js';
import { WithoutThreads } from '../../../support/without-threads.js';

const MOUNTPOINT = '/mnt';
const NAME = 'whoever asks';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'platdumpfs-run-'));
  vi.stubEnv('RUNTIME_DIRECTORY', directory);
  vi.stubEnv('NOTIFY_SOCKET', undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

/** A daemon that is asked for its mount; the kernel does what a test says. */
class Leaving {
  readonly daemon = new WithoutThreads({ sizes: [1000] });
  readonly handover: HandoverOnRequest;
  isAskerGone = false;
  /** While the kernel is waited for. */
  onWait: () => void = () => undefined;
  /** When it is not answered any more. */
  onPause: () => void = () => undefined;

  constructor() {
    onTestFinished(() => this.daemon[Symbol.asyncDispose]());
    const { store, volume, fs } = this.daemon;
    const begin = async (isStillWanted: () => boolean, settle: () => Promise<void>): Promise<boolean> => {
      this.onWait();
      if (!isStillWanted()) return false;
      this.onPause();
      await settle();
      return true;
    };
    this.handover = new HandoverOnRequest({
      mounted: {
        ended: new Promise(() => undefined),
        unmount: () => Promise.resolve(),
        handover: { device: { fd: -1, mountpoint: MOUNTPOINT, mountId: 1 }, begin },
      },
      mountpoint: MOUNTPOINT,
      transport: 'kernel',
      composition: { store, volume, filesystem: fs } as never,
      request: { mountpoint: MOUNTPOINT, settings: { unlink: 'delivered' } } as never,
      gate: { locked: () => this.daemon.isLocked } as never,
      log: silentLogger,
    });
  }

  rise(): void {
    this.daemon.raise();
    this.handover.drop();
  }

  async ask(method: 'GET' | 'POST' = 'POST'): Promise<ControlResponse> {
    const route = this.handover.routes.find((each) => each.method === method);
    if (route === undefined || !('answer' in route)) throw new Error('there is no such route');
    const body = { name: NAME, from: process.pid, to: process.pid };
    return await route.answer({ params: {}, body, isGone: () => this.isAskerGone });
  }
}

test('the mount is left, and what the next process has to know is written', async () => {
  const leaving = new Leaving();
  expect(await leaving.ask()).toMatchObject({ kind: 'handed-over' });
  expect(readHandoverFile(takeoverPath(MOUNTPOINT))).toMatchObject({ name: NAME, isEnded: true });
  expect(await leaving.ask()).toMatchObject({ code: 'conflict' });
});

test.each<{ what: string; change: (leaving: Leaving) => void; answer: object }>([
  { what: 'lockdown has risen', change: (leaving) => leaving.rise(), answer: { kind: 'locked' } },
  {
    what: 'whoever asked has gone',
    change: (leaving) => (leaving.isAskerGone = true),
    answer: { code: 'conflict', message: `process ${process.pid} does not wait any more` },
  },
  {
    what: 'this process is about to end',
    change: (leaving) => void leaving.handover.settle(),
    answer: { code: 'conflict', message: 'it is about to end' },
  },
])(
  'where, while the kernel is waited for, $what, it goes on, and nothing is left',
  async ({ change, answer }) => {
    const leaving = new Leaving();
    leaving.onWait = () => change(leaving);
    leaving.onPause = () => expect.unreachable();
    expect(await leaving.ask()).toMatchObject(answer);
    expect(readdirSync(directory)).toEqual([]);
  },
);

test('lockdown that rises when the kernel is not answered any more is up to the next process', async () => {
  const leaving = new Leaving();
  let meanwhile: Promise<ControlResponse> | undefined;
  leaving.onPause = () => {
    leaving.rise();
    meanwhile = leaving.ask('GET');
  };
  expect(await leaving.ask()).toMatchObject({ kind: 'handed-over' });
  expect(await meanwhile).toMatchObject({ message: 'another process is taking it over' });
  expect(readHandoverFile(takeoverPath(MOUNTPOINT)).isEnded).toBe(true);
});

test('firmware that does not answer: it goes on, and makes the calls that somebody waits for', async () => {
  const leaving = new Leaving();
  const { daemon } = leaving;
  const { attributes } = await daemon.fs.lookup(ROOT_INO, tagName(daemon.firmware[0]!.tag), context());
  const fh = daemon.fs.open(attributes.ino, 0, context());
  const reading = daemon.fs.read(fh, 0, 1000, context());
  await vi.waitUntil(() => daemon.threads.length > 0);
  await vi.waitUntil(() => {
    daemon.threads[0]?.say();
    return daemon.threads[0]?.canWork;
  });
  const asked = leaving.ask();
  daemon.nowMs = 5000;
  expect(await asked).toMatchObject({ code: 'busy' });
  await daemon.run();
  using bytes = await reading;
  expect(Buffer.concat(bytes.segments)).toEqual(daemon.firmware[0]!.bytes);
});
