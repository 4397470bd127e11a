import fc from 'fast-check';
import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { ByteReader } from '../../../../src/base/byte-reader.js';
import { FsError } from '../../../../src/base/errno.js';
import type { Logger } from '../../../../src/base/log.js';
import { silentLogger } from '../../../../src/base/log.js';
import { OPCODE } from '../../../../src/fuse/kernel/abi.js';
import { Session } from '../../../../src/fuse/kernel/session.js';
import { golden, readGolden } from '../../../support/golden-messages.js';
import { kernelRequest, nameBody, readBody } from '../../../support/kernel-request.js';
import type { MemoryFilesystem } from '../../../support/memory-filesystem.mjs';
import { createMemoryFilesystem, memoryContent } from '../../../support/memory-filesystem.mjs';
import { RecordedReplies } from '../../../support/recorded-replies.js';

const { errno } = constants;
const REQUESTS = readGolden('requests.txt');
const REPLIES = readGolden('replies.txt');

interface Bench {
  readonly memory: MemoryFilesystem;
  readonly replies: RecordedReplies;
  readonly session: Session;
  readonly idle: number[];
  readonly logged: string[];
}

function bench(littleEndian?: boolean): Bench {
  const memory = createMemoryFilesystem(FsError);
  const replies = new RecordedReplies(littleEndian);
  const idle: number[] = [];
  const logged: string[] = [];
  const note = (message: string): void => void logged.push(message);
  const log: Logger = { debug: note, info: note, warn: note, error: note };
  const order = littleEndian === undefined ? {} : { littleEndian };
  const session = new Session({
    filesystem: memory.filesystem,
    replies,
    pageBytes: 4096,
    log,
    onIdle: (ino) => idle.push(ino),
    lookAtRequester: () => 'leaving',
    ...order,
  });
  return { memory, replies, session, idle, logged };
}

/** Opens a file. @returns its handle */
function openFile({ session, replies }: Bench, ino: number): number {
  session.handle(kernelRequest(OPCODE.OPEN, (writer) => writer.zeros(8), { nodeid: ino }));
  return new ByteReader(replies.last!.body).u64AsNumber();
}

describe('Session answers at once', () => {
  test('INIT, and tells what was agreed', async () => {
    const { session, replies } = bench(true);
    session.handle(golden(REQUESTS, 'INIT of Linux 6.18: 7.45, with flags2', true));
    expect(replies.last?.body).toEqual(golden(REPLIES, 'INIT, pages of 4 KiB', true).slice(16));
    expect(await session.initialized).toMatchObject({ kind: 'agreed', reply: { minor: 41 } });
  });

  test('INIT of a kernel that is too old with EPROTO', async () => {
    const { session, replies } = bench(true);
    const message = golden(REQUESTS, 'INIT of Linux 5.4: 7.31', true).slice();
    new DataView(message.buffer).setUint32(44, 30, true);
    session.handle(message);
    expect(replies.last?.error).toBe(-errno.EPROTO);
    expect((await session.initialized).kind).toBe('refused');
  });

  test('INIT of a later major version, then the second INIT', async () => {
    const { session, replies } = bench(true);
    const later = golden(REQUESTS, 'INIT of Linux 5.4: 7.31', true).slice();
    new DataView(later.buffer).setUint32(40, 8, true);
    session.handle(later);
    expect(new DataView(replies.last!.body.buffer).getUint32(0, true)).toBe(7);
    session.handle(golden(REQUESTS, 'INIT of Linux 5.4: 7.31', true));
    expect(await session.initialized).toMatchObject({ kind: 'agreed', reply: { minor: 31 } });
  });

  test.each([
    'SETATTR',
    'SYMLINK',
    'MKNOD',
    'MKDIR',
    'RMDIR',
    'RENAME',
    'RENAME2',
    'LINK',
    'WRITE',
    'COPY_FILE_RANGE',
    'CREATE',
    'TMPFILE',
    'FALLOCATE',
  ])('%s with what the filesystem refuses it with', (title) => {
    for (const littleEndian of [true, false]) {
      const { session, replies } = bench(littleEndian);
      session.handle(golden(REQUESTS, title, littleEndian));
      expect(replies.sent).toEqual([
        { unique: 0x1122_3344_5566_7788n, error: -errno.EPERM, body: new Uint8Array(0) },
      ]);
    }
  });

  test.each(['SETXATTR', 'REMOVEXATTR'])('%s with ENOTSUP', (title) => {
    const { session, replies } = bench(true);
    session.handle(golden(REQUESTS, title, true));
    expect(replies.last?.error).toBe(-errno.ENOTSUP);
  });

  test.each(['FLUSH', 'FSYNC', 'FSYNCDIR', 'DESTROY'])('%s with success', (title) => {
    const { session, replies } = bench(true);
    session.handle(golden(REQUESTS, title, true));
    expect(replies.sent).toMatchObject([{ error: 0, body: new Uint8Array(0) }]);
  });

  test('what nobody serves with ENOSYS', () => {
    const { session, replies } = bench(true);
    session.handle(golden(REQUESTS, 'LSEEK', true));
    expect(replies.last?.error).toBe(-errno.ENOSYS);
  });

  test.each(['FORGET', 'BATCH_FORGET', 'INTERRUPT', 'NOTIFY_REPLY'])('%s with nothing at all', (title) => {
    const { session, replies } = bench(true);
    session.handle(golden(REQUESTS, title, true));
    expect(replies.sent).toEqual([]);
  });

  test('a silent request with a malformed body with nothing either', () => {
    const { session, replies, logged } = bench();
    session.handle(kernelRequest(OPCODE.FORGET, (writer) => writer.zeros(3)));
    expect(replies.sent).toEqual([]);
    expect(logged).toEqual(['operation failed']);
  });

  test('a malformed body with EIO', () => {
    const { session, replies } = bench();
    session.handle(kernelRequest(OPCODE.READ, (writer) => writer.zeros(39)));
    expect(replies.last?.error).toBe(-errno.EIO);
  });

  test('an unknown name with ENOENT', () => {
    const { session, replies } = bench();
    session.handle(kernelRequest(OPCODE.LOOKUP, nameBody('none')));
    expect(replies.last?.error).toBe(-errno.ENOENT);
  });

  test('OPEN with KEEP_CACHE and NOFLUSH, RELEASE takes the handle back', () => {
    const one = bench();
    const file = one.memory.add('a', 10);
    const fh = openFile(one, file.ino);
    expect(one.replies.last?.body.includes(0x22)).toBe(true);
    expect(one.session.openFiles.has(fh)).toBe(true);
    one.session.handle(kernelRequest(OPCODE.RELEASE, releaseBody(fh)));
    expect(one.session.openFiles.size).toBe(0);
    expect(one.memory.openFiles.size).toBe(0);
  });

  test('READ with the bytes, which are then delivered and let go', () => {
    const one = bench();
    const file = one.memory.add('a', 300_000);
    const fh = openFile(one, file.ino);
    one.session.handle(kernelRequest(OPCODE.READ, readBody(fh, 4096, 200_000), { nodeid: file.ino }));
    expect(Buffer.compare(one.replies.last!.body, memoryContent('a', 4096, 200_000))).toBe(0);
    expect(file.delivered).toBe(200_000);
    expect(one.memory.pinned()).toBe(0);
  });
});

describe('Session undoes what a lost reply has counted', () => {
  test('READ: bytes are let go but not delivered', () => {
    const one = bench();
    const file = one.memory.add('a', 100);
    const fh = openFile(one, file.ino);
    one.replies.nobodyWaits = true;
    one.session.handle(kernelRequest(OPCODE.READ, readBody(fh, 0, 100), { nodeid: file.ino }));
    expect(file.delivered).toBe(0);
    expect(one.memory.pinned()).toBe(0);
  });

  test('LOOKUP and READDIRPLUS: lookups are given back', () => {
    const { memory, session, replies } = bench();
    memory.add('a', 100);
    replies.nobodyWaits = true;
    session.handle(kernelRequest(OPCODE.LOOKUP, nameBody('a')));
    session.handle(kernelRequest(OPCODE.READDIRPLUS, readBody(0, 0, 4096)));
    expect(memory.calls).toMatchObject({ lookup: 1, entryOf: 1 });
    expect(memory.lookups.size).toBe(0);
  });

  test('OPEN: the handle is closed', () => {
    const { memory, session, replies } = bench();
    const file = memory.add('a', 100);
    replies.nobodyWaits = true;
    session.handle(kernelRequest(OPCODE.OPEN, (writer) => writer.zeros(8), { nodeid: file.ino }));
    expect(memory.calls).toMatchObject({ open: 1 });
    expect(memory.openFiles.size).toBe(0);
    expect(session.openFiles.size).toBe(0);
  });
});

describe('Session answers later', () => {
  const GETATTR = (unique: bigint, nodeid: number): Uint8Array =>
    kernelRequest(OPCODE.GETATTR, (writer) => writer.zeros(16), { unique, nodeid });
  const INTERRUPT = (unique: bigint): Uint8Array =>
    kernelRequest(OPCODE.INTERRUPT, (writer) => writer.u64(unique), { unique: unique | 1n });

  test('a request that waits, and others meanwhile', async () => {
    const { memory, session, replies, idle } = bench();
    const slow = memory.add('slow', 1);
    const quick = memory.add('quick', 1);
    memory.hold('getattr', 'slow');
    session.handle(GETATTR(2n, slow.ino));
    session.handle(GETATTR(4n, quick.ino));
    expect(replies.sent.map((reply) => reply.unique)).toEqual([4n]);
    expect(session.isWaitedFor(slow.ino)).toBe(true);
    expect(session.isWaitedFor(quick.ino)).toBe(false);
    memory.letGo('getattr');
    await new Promise(setImmediate);
    expect(replies.sent.map((reply) => reply.unique)).toEqual([4n, 2n]);
    expect(session.isWaitedFor(slow.ino)).toBe(false);
    expect(idle).toEqual([slow.ino]);
  });

  test('an inode is waited for until its last request is answered', async () => {
    const { memory, session, idle } = bench();
    const file = memory.add('a', 1);
    memory.hold('getattr');
    session.handle(GETATTR(2n, file.ino));
    session.handle(GETATTR(4n, file.ino));
    session.handle(INTERRUPT(2n));
    await new Promise(setImmediate);
    expect(session.isWaitedFor(file.ino)).toBe(true);
    memory.letGo('getattr');
    await new Promise(setImmediate);
    expect(idle).toEqual([file.ino]);
  });

  test('INTERRUPT ends exactly the wait that it names, with EINTR', async () => {
    const { memory, session, replies } = bench();
    const file = memory.add('a', 1);
    memory.hold('getattr');
    session.handle(GETATTR(2n, file.ino));
    session.handle(GETATTR(4n, file.ino));
    session.handle(INTERRUPT(4n));
    await new Promise(setImmediate);
    expect(replies.sent).toMatchObject([{ unique: 4n, error: -errno.EINTR }]);
    expect(memory.waiting()).toBe(1);
  });

  test('INTERRUPT of what is not there is nothing', () => {
    const { session, replies } = bench();
    session.handle(INTERRUPT(4n));
    expect(replies.sent).toEqual([]);
  });

  test('refuseAll ends all waits with ENOTCONN and refuses what comes, but still takes back', async () => {
    const one = bench();
    const { memory, session, replies } = one;
    const file = memory.add('a', 1);
    const fh = openFile(one, file.ino);
    memory.hold('getattr');
    session.handle(GETATTR(2n, file.ino));
    session.refuseAll();
    expect(replies.last).toMatchObject({ unique: 2n, error: -errno.ENOTCONN });
    session.handle(kernelRequest(OPCODE.READ, readBody(fh, 0, 1), { unique: 6n }));
    expect(replies.last).toMatchObject({ unique: 6n, error: -errno.ENOTCONN });
    session.handle(kernelRequest(OPCODE.RELEASE, releaseBody(fh), { unique: 8n }));
    expect(replies.last).toMatchObject({ unique: 8n, error: 0 });
    await new Promise(setImmediate);
    expect(memory.waiting() + memory.openFiles.size).toBe(0);
  });

  test('releaseAll closes what the kernel never released', () => {
    const one = bench();
    openFile(one, one.memory.add('a', 1).ino);
    one.session.releaseAll();
    expect(one.memory.openFiles.size).toBe(0);
  });
});

describe('Session survives anything', () => {
  const opcode = fc.oneof(fc.constantFrom(...Object.values(OPCODE)), fc.nat({ max: 5000 }));

  test('well-formed headers with random bodies get at most one reply each', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(opcode, fc.uint8Array({ maxLength: 80 })), { maxLength: 20 }),
        (requests) => {
          const { session, replies } = bench();
          requests.forEach(([code, body], index) => {
            const unique = BigInt(2 * index + 2);
            session.handle(kernelRequest(code, (writer) => writer.bytes(body), { unique }));
          });
          const uniques = replies.sent.map((reply) => reply.unique);
          expect(new Set(uniques).size).toBe(uniques.length);
        },
      ),
    );
  });

  test('random bytes and truncated requests are ignored or refused', () => {
    const message = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.constantFrom(...REQUESTS), fc.nat({ max: 120 }))
        .map(([request, length]) => request.littleEndian.slice(0, length)),
    );
    fc.assert(
      fc.property(message, (bytes) => {
        const { session } = bench(true);
        expect(() => session.handle(bytes)).not.toThrow();
      }),
    );
  });

  test('a filesystem that throws anything is an EIO', () => {
    const memory = createMemoryFilesystem(FsError);
    const replies = new RecordedReplies();
    const filesystem = {
      ...memory.filesystem,
      statfs: () => {
        throw new TypeError('a mistake');
      },
    };
    const session = new Session({ filesystem, replies, pageBytes: 4096, log: silentLogger });
    session.handle(kernelRequest(OPCODE.STATFS));
    expect(replies.last?.error).toBe(-errno.EIO);
  });
});

describe('extended attributes', () => {
  const get = (one: Bench, ino: number, room: number): void =>
    one.session.handle(
      kernelRequest(
        OPCODE.GETXATTR,
        (writer) => {
          writer.u32(room);
          writer.zeros(4);
          nameBody('user.memory.name')(writer);
        },
        { nodeid: ino },
      ),
    );
  const list = (one: Bench, ino: number, room: number): void =>
    one.session.handle(
      kernelRequest(
        OPCODE.LISTXATTR,
        (writer) => {
          writer.u32(room);
          writer.zeros(4);
        },
        { nodeid: ino },
      ),
    );

  test.each([
    { operation: get, needed: 5, text: 'a.bin' },
    { operation: list, needed: 17, text: 'user.memory.name\0' },
  ])(
    'size 0 asks for $needed bytes, less is ERANGE, enough is the value',
    async ({ operation, needed, text }) => {
      const one = bench();
      const { ino } = one.memory.add('a.bin', 1);
      operation(one, ino, 0);
      await new Promise(setImmediate);
      expect(one.replies.last?.body.length).toBe(8);
      expect(one.replies.last?.body.includes(needed)).toBe(true);
      operation(one, ino, needed - 1);
      await new Promise(setImmediate);
      expect(one.replies.last?.error).toBe(-errno.ERANGE);
      operation(one, ino, needed);
      await new Promise(setImmediate);
      expect(Buffer.from(one.replies.last!.body).toString()).toBe(text);
    },
  );

  test('a value that comes later is sent then', async () => {
    const one = bench();
    const { ino } = one.memory.add('a.bin', 1);
    one.memory.hold('getxattr');
    get(one, ino, 10);
    expect(one.replies.sent).toEqual([]);
    one.memory.letGo('getxattr');
    await new Promise(setImmediate);
    expect(Buffer.from(one.replies.last!.body).toString()).toBe('a.bin');
  });
});

function releaseBody(fh: number): Parameters<typeof kernelRequest>[1] {
  return (writer) => {
    writer.u64FromNumber(fh);
    writer.zeros(16);
  };
}
