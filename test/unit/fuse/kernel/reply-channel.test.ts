import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Logger } from '../../../../src/base/log.js';
import { silentLogger } from '../../../../src/base/log.js';
import type { PinnedBytes } from '../../../../src/base/pinned-bytes.js';
import { ReplyChannel } from '../../../../src/fuse/kernel/reply-channel.js';
import { golden, readGolden } from '../../../support/golden-messages.js';

const REPLIES = readGolden('replies.txt');
const UNIQUE = 0x1122_3344_5566_7788n;

/** A plain file stands for the device. */
let folder: string;
let fd: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'platdumpfs-replies-'));
  fd = openSync(join(folder, 'device'), 'w');
});

afterEach(() => rmSync(folder, { recursive: true }));

const written = (): Uint8Array => Uint8Array.from(readFileSync(join(folder, 'device')));

function pinned(segments: readonly Uint8Array[]): PinnedBytes {
  const length = segments.reduce((sum, segment) => sum + segment.length, 0);
  return { length, segments, delivered: () => undefined, [Symbol.dispose]: () => undefined };
}

describe.each([{ littleEndian: true }, { littleEndian: false }])(
  'ReplyChannel, little endian $littleEndian',
  ({ littleEndian }) => {
    test('sendBody', () => {
      const channel = new ReplyChannel(fd, silentLogger, littleEndian);
      channel.startBody().text('0x0000000200000001');
      expect(channel.sendBody(UNIQUE)).toBe(true);
      expect(written()).toEqual(golden(REPLIES, 'GETXATTR: value', littleEndian));
    });

    test('sendBody of nothing', () => {
      const channel = new ReplyChannel(fd, silentLogger, littleEndian);
      channel.startBody();
      expect(channel.sendBody(UNIQUE)).toBe(true);
      expect(written()).toEqual(golden(REPLIES, 'acknowledgement', littleEndian));
    });

    test('sendBytes', () => {
      const channel = new ReplyChannel(fd, silentLogger, littleEndian);
      expect(channel.sendBytes(UNIQUE, pinned([Buffer.from('dump '), Buffer.from('data')]))).toBe(true);
      expect(written()).toEqual(golden(REPLIES, 'READ', littleEndian));
    });

    test('sendError', () => {
      new ReplyChannel(fd, silentLogger, littleEndian).sendError(UNIQUE, -2);
      expect(written()).toEqual(golden(REPLIES, 'error ENOENT', littleEndian));
    });
  },
);

describe('ReplyChannel', () => {
  test('sends shared memory, and more segments than writev takes, as one reply', () => {
    const segments = Array.from({ length: 3000 }, (_, index) => {
      const segment = new Uint8Array(new SharedArrayBuffer(2));
      return segment.fill(index % 251);
    });
    expect(new ReplyChannel(fd, silentLogger).sendBytes(UNIQUE, pinned(segments))).toBe(true);
    expect(written().subarray(16)).toEqual(Uint8Array.from(Buffer.concat(segments)));
  });

  test('says of a refused reply, tries EIO instead, and counts it as not sent', () => {
    const logged: unknown[] = [];
    const log: Logger = { ...silentLogger, error: (message) => void logged.push(message) };
    closeSync(fd);
    const channel = new ReplyChannel(fd, log);
    expect(channel.sendBytes(UNIQUE, pinned([Buffer.from('x')]))).toBe(false);
    expect(logged).toEqual(['the kernel refused a reply', 'the kernel refused a reply']);
  });

  test('sends nothing once it is closed', () => {
    const channel = new ReplyChannel(fd, silentLogger);
    channel.close();
    channel.startBody();
    expect(channel.sendBody(UNIQUE)).toBe(false);
    channel.sendError(UNIQUE, -5);
    expect(written().length).toBe(0);
  });
});
