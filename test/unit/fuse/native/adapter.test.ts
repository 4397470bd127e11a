import { beforeEach, describe, expect, test } from 'vitest';
import { FsError } from '../../../../src/base/errno.js';
import { Adapter } from '../../../../src/fuse/native/adapter.js';
import { NodeTable } from '../../../../src/fuse/native/node-table.js';
import { PathWalk } from '../../../../src/fuse/native/path-walk.js';
import { ReadsInFlight } from '../../../../src/fuse/native/reads-in-flight.js';
import { RequestContexts } from '../../../../src/fuse/native/request-contexts.js';
import type { MemoryFilesystem } from '../../../support/memory-filesystem.mjs';
import { createMemoryFilesystem, memoryContent } from '../../../support/memory-filesystem.mjs';

const HIDDEN = '/.fuse_hidden0000000200000001';

let memory: MemoryFilesystem;
let adapter: Adapter;
let requests: RequestContexts;
let dropped: number[];

beforeEach(() => {
  memory = createMemoryFilesystem(FsError);
  requests = new RequestContexts(0);
  dropped = [];
  const nodes = new NodeTable();
  const walk = new PathWalk(memory.filesystem, nodes, (node) => {
    dropped.push(node.ids.first);
    return Promise.resolve();
  });
  adapter = new Adapter(memory.filesystem, walk, requests, new ReadsInFlight());
});

async function errnoOf(work: () => unknown): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (thrown) {
    return FsError.from(thrown).code;
  }
}

/** Looks a name up, as the kernel does before anything else. */
async function open(path: string): Promise<number> {
  await adapter.getattr(path);
  return adapter.open(path, 0);
}

async function read(handle: number, offset: number, length: number): Promise<Buffer> {
  const into = Buffer.alloc(length);
  return into.subarray(0, await adapter.read(handle, into, offset));
}

describe('attributes', () => {
  test('of the root need no lookup', async () => {
    expect(await adapter.getattr('/')).toMatchObject({ ino: 1, nlink: 2 });
    expect(memory.calls['lookup']).toBeUndefined();
  });

  test('of a name met for the first time come from the lookup, later ones are waited for', async () => {
    const file = memory.add('a', 5);
    memory.hold('getattr');
    expect(await adapter.getattr('/a')).toMatchObject({ ino: file.ino });
    const second = adapter.getattr('/a');
    await new Promise(setImmediate);
    expect(memory.waiting()).toBe(1);
    file.size = 7;
    memory.letGo('getattr');
    expect(await second).toMatchObject({ size: 7 });
  });

  test('through a handle ask the filesystem through its handle', async () => {
    memory.add('a', 5);
    const handle = await open('/a');
    await adapter.fgetattr(handle);
    expect(memory.calls).toMatchObject({ fgetattr: 1 });
  });

  test('of what does not exist fail, and no lookup is kept', async () => {
    expect(await errnoOf(() => adapter.getattr('/none'))).toBe('ENOENT');
    expect(memory.lookups.size).toBe(0);
  });
});

describe('open files', () => {
  test.each([
    { offset: 0, length: 100_000, expected: 100_000 },
    { offset: 65_530, length: 20, expected: 20 },
    { offset: 199_990, length: 100, expected: 10 },
    { offset: 200_000, length: 100, expected: 0 },
  ])('$length bytes at $offset', async ({ offset, length, expected }) => {
    const file = memory.add('a', 200_000);
    const handle = await open('/a');
    expect(await read(handle, offset, length)).toEqual(Buffer.from(memoryContent('a', offset, expected)));
    expect([memory.pinned(), file.delivered]).toEqual([0, expected]);
  });

  test('balance lookups and handles', async () => {
    const file = memory.add('a', 5);
    const handles = [await open('/a'), await open('/a')];
    expect(memory.lookups.get(file.ino)).toBe(1);
    for (const handle of handles) adapter.release(handle);
    expect([memory.lookups.size, memory.openFiles.size]).toEqual([0, 0]);
    expect(await errnoOf(() => read(handles[0]!, 0, 1))).toBe('EBADF');
  });

  test('are refused for writing, and nothing is kept', async () => {
    memory.add('a', 5);
    await adapter.getattr('/a');
    expect(await errnoOf(() => adapter.open('/a', 1))).toBe('EACCES');
    expect(memory.lookups.size).toBe(0);
  });

  test('are closed at the end of the mount', async () => {
    memory.add('a', 5);
    await open('/a');
    adapter.closeAll();
    expect([memory.lookups.size, memory.openFiles.size]).toEqual([0, 0]);
  });

  test('waiting reads are interrupted at the end of the mount', async () => {
    memory.add('a', 5);
    const handle = await open('/a');
    memory.hold('read');
    const waiting = errnoOf(() => read(handle, 0, 5));
    requests.end();
    expect(await waiting).toBe('EINTR');
    expect(await errnoOf(() => read(handle, 0, 5))).toBe('ENOTCONN');
    adapter.release(handle);
    expect(memory.openFiles.size).toBe(0);
  });
});

describe('names', () => {
  test('are listed with the dots', () => {
    memory.add('a', 1);
    memory.add('b', 1);
    expect(adapter.readdir().map(({ name }) => name)).toEqual(['.', '..', 'a', 'b']);
  });

  test('are listed in no more open directories than libfuse has room for', async () => {
    for (let count = 0; count < 1024; count += 1) memory.add(`file ${count}`, 1);
    for (let count = 0; count < 1024; count += 1) void adapter.opendir();
    expect(await errnoOf(() => adapter.opendir())).toBe('ENFILE');
    adapter.releasedir();
    expect(await adapter.opendir()).toBe(0);
  });

  test('that stand for another inode lose their pages before they do', async () => {
    memory.add('a', 5);
    await adapter.getattr('/a');
    memory.remove('a');
    const again = memory.add('a', 6);
    expect(await adapter.getattr('/a')).toMatchObject({ ino: again.ino, size: 6 });
    expect(dropped).toEqual([2]);
    await adapter.getattr('/a');
    expect([dropped.length, memory.lookups.size]).toEqual([1, 0]);
  });

  test('that are open stand for what was opened until the last close, and are not removed as something else', async () => {
    const file = memory.add('a', 5);
    const handles = [await open('/a'), await open('/a')];
    memory.remove('a');
    const again = memory.add('a', 6);
    expect(await adapter.getattr('/a')).toMatchObject({ ino: file.ino });
    expect(await errnoOf(() => adapter.rename('/a', HIDDEN))).toBe('ESTALE');
    expect(memory.calls['unlink']).toBeUndefined();
    adapter.release(handles[0]!);
    expect(await adapter.getattr('/a')).toMatchObject({ ino: file.ino });
    adapter.release(handles[1]!);
    expect(await adapter.getattr('/a')).toMatchObject({ ino: again.ino });
    expect(memory.lookups.size).toBe(0);
  });
});

describe('removing', () => {
  test('a file that nobody has open', async () => {
    memory.add('a', 5);
    await adapter.getattr('/a');
    await adapter.unlink('/a');
    expect(memory.files.size).toBe(0);
  });

  test('an open file: libfuse hides it, readers keep it, its last close says no more', async () => {
    memory.add('a', 5);
    const handle = await open('/a');
    expect(await errnoOf(() => adapter.getattr(HIDDEN))).toBe('ENOENT');
    await adapter.rename('/a', HIDDEN);
    expect([memory.files.size, memory.calls['unlink']]).toEqual([0, 1]);
    expect(await errnoOf(() => adapter.getattr('/a'))).toBe('ENOENT');
    expect(await adapter.getattr(HIDDEN)).toMatchObject({ size: 5 });
    expect(await read(handle, 0, 5)).toEqual(Buffer.from(memoryContent('a', 0, 5)));
    adapter.release(handle);
    await adapter.unlink(HIDDEN);
    expect([memory.calls['unlink'], memory.lookups.size, memory.openFiles.size]).toEqual([1, 0, 0]);
  });

  test('an open file whose name has come back meanwhile: each stays what it is', async () => {
    memory.add('a', 5);
    const handle = await open('/a');
    await adapter.rename('/a', HIDDEN);
    const again = memory.add('a', 6);
    expect(await adapter.getattr('/a')).toMatchObject({ ino: again.ino });
    await adapter.rename(HIDDEN, '/.fuse_hidden0000000200000002');
    expect(await adapter.getattr('/.fuse_hidden0000000200000002')).toMatchObject({ size: 5 });
    expect(memory.calls['unlink']).toBe(1);
    adapter.release(handle);
    expect(dropped).toEqual([]);
  });

  test('an open file that the filesystem does not give away', async () => {
    memory.add('a', 5);
    const handle = await open('/a');
    memory.files.delete('a');
    expect(await errnoOf(() => adapter.rename('/a', HIDDEN))).toBe('ENOENT');
    expect(await read(handle, 0, 5)).toHaveLength(5);
    adapter.release(handle);
    expect(memory.lookups.size).toBe(0);
  });

  test.each([
    { from: '/a', to: '/b' },
    { from: '/a', to: '/.fuse_hidden' },
    { from: '/closed', to: HIDDEN },
  ])('a rename of $from to $to is refused', async ({ from, to }) => {
    memory.add('a', 5);
    memory.add('closed', 5);
    const handle = await open('/a');
    expect(await errnoOf(() => adapter.rename(from, to))).toBe('EPERM');
    adapter.release(handle);
  });
});

describe('extended attributes', () => {
  beforeEach(() => void memory.add('abc', 5));

  test.each([
    { room: 0, result: 3, bytes: '' },
    { room: 3, result: 3, bytes: 'abc' },
    { room: 9, result: 3, bytes: 'abc\0\0\0\0\0\0' },
  ])('into $room bytes', async ({ room, result, bytes }) => {
    const into = Buffer.alloc(room);
    expect(await adapter.getxattr('/abc', 'user.memory.name', into)).toBe(result);
    expect(into.toString()).toBe(bytes);
  });

  test('never overrun the buffer', async () => {
    expect(await errnoOf(() => adapter.getxattr('/abc', 'user.memory.name', Buffer.alloc(2)))).toBe('ERANGE');
    expect(await errnoOf(() => adapter.listxattr('/abc', Buffer.alloc(16)))).toBe('ERANGE');
  });

  test('are listed, each with a NUL', async () => {
    expect(await adapter.listxattr('/abc', Buffer.alloc(0))).toBe(17);
    const into = Buffer.alloc(17);
    await adapter.listxattr('/abc', into);
    expect(into.toString()).toBe('user.memory.name\0');
  });

  test('that do not exist fail', async () => {
    expect(await errnoOf(() => adapter.getxattr('/abc', 'user.none', Buffer.alloc(9)))).toBe('ENODATA');
    expect(memory.lookups.size).toBe(0);
  });
});

test('what changes something is refused', async () => {
  expect(await errnoOf(() => adapter.refuse('setattr'))).toBe('EPERM');
  expect(await errnoOf(() => adapter.refuse('setxattr'))).toBe('ENOTSUP');
  memory.add('a', 1);
  expect(await errnoOf(() => adapter.access('/a', 2))).toBe('EACCES');
  expect(adapter.statfs()).toMatchObject({ files: 1 });
});
