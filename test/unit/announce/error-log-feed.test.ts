import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLogger } from '../../../src/base/log.js';
import type { Announcement } from '../../../src/base/announcement.js';
import { ErrorLogFeed } from '../../../src/announce/error-log-feed.js';
import type { RecordHandle } from '../../../src/announce/error-log-feed.js';
import { HOST_LITTLE_ENDIAN } from '../../../src/base/byte-reader.js';
import { event, locator } from '../rtas/events/support/build-event.js';
import { Folder } from './support/folder.js';
import { PATIENCE } from '../../support/patience.js';

/** What a read gives: bytes, or the errno with which it fails. */
type Answer = Uint8Array | string;

/** The kernel's file, as rtas_log_read behaves. */
class ScriptedLog {
  readonly answers: Answer[];
  readonly recordBytes: number;
  opens = 0;
  closes = 0;
  smallReads = 0;

  constructor(answers: Answer[], recordBytes = 2052) {
    this.answers = answers;
    this.recordBytes = recordBytes;
  }

  open(): Promise<RecordHandle> {
    this.opens += 1;
    return Promise.resolve({
      read: (into, _offset, length) => Promise.resolve({ bytesRead: this.#read(into, length) }),
      close: () => {
        this.closes += 1;
        return Promise.resolve();
      },
    });
  }

  #read(into: Uint8Array, length: number): number {
    if (length < this.recordBytes) {
      this.smallReads += 1;
      throw failure('EINVAL');
    }
    const answer = this.answers.shift() ?? 'EAGAIN';
    if (typeof answer === 'string') throw failure(answer);
    into.set(answer);
    return this.recordBytes;
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: read`), { code });
}

function record(id: number, sequence = 1): Uint8Array {
  const bytes = Buffer.alloc(2052, 0x44);
  if (HOST_LITTLE_ENDIAN) bytes.writeInt32LE(sequence);
  else bytes.writeInt32BE(sequence);
  bytes.set(event([locator({ id })]), 4);
  return bytes;
}

let announced: number[];
let logged: string[];
let feed: ErrorLogFeed;

beforeEach(() => {
  announced = [];
  logged = [];
});

afterEach(() => feed[Symbol.asyncDispose]());

function start(log: ScriptedLog | undefined, path = '/nowhere/error_log'): void {
  feed = new ErrorLogFeed({
    path,
    announce: ({ tag }: Announcement) => announced.push(Number(tag & 0xffff_ffffn)),
    log: createLogger({ level: 'info', format: 'text', write: (line) => logged.push(line) }),
    pollMs: 5,
    ...(log === undefined ? {} : { open: () => log.open() }),
  });
}

async function heard(...expected: number[]): Promise<void> {
  await vi.waitFor(() => expect(announced).toEqual(expected), PATIENCE);
}

describe('ErrorLogFeed', () => {
  test('announces record by record', async () => {
    start(new ScriptedLog([record(1), record(2, -1)]));
    await heard(1, 2);
  });

  test.each(['EAGAIN', 'ENODATA', 'EINTR'])('comes back after %s, without a word', async (code) => {
    const log = new ScriptedLog([code, record(1), code, code, record(2)]);
    start(log);
    await heard(1, 2);
    expect(log.opens).toBe(1);
    expect(logged.join('')).not.toMatch(/warn/);
  });

  test('takes a larger buffer where the kernel has larger records', async () => {
    const log = new ScriptedLog([record(1)], 5000);
    start(log);
    await heard(1);
    expect(log.smallReads).toBe(2);
  });

  test('does not ask for ever larger ones', async () => {
    const log = new ScriptedLog([], 1_000_000);
    start(log);
    await vi.waitUntil(() => logged.some((line) => line.includes('EINVAL')), PATIENCE);
    await vi.waitUntil(() => log.closes === 1, PATIENCE);
    expect(log.smallReads).toBeLessThan(10);
  });

  test('says once what is wrong, and gives the file back', async () => {
    const log = new ScriptedLog(['EIO']);
    start(log);
    await vi.waitUntil(() => log.closes === 1, PATIENCE);
    expect(logged.filter((line) => line.includes('cannot read firmware events'))).toHaveLength(1);
  });

  test('ends while it waits', async () => {
    const log = new ScriptedLog([]);
    start(log);
    await vi.waitUntil(() => log.opens === 1, PATIENCE);
    await feed[Symbol.asyncDispose]();
    expect(log.closes).toBe(1);
  });

  test('reads a real file', async () => {
    using folder = new Folder();
    start(undefined, folder.write('error_log', Buffer.concat([record(1), record(2)])));
    await heard(1, 2);
  });

  test('says that there is no such file', async () => {
    start(undefined);
    await vi.waitUntil(() => logged.some((line) => line.includes('ENOENT')), PATIENCE);
    expect(announced).toEqual([]);
  });
});
