import { beforeEach, describe, expect, test } from 'vitest';
import { FsError } from '../../../../src/base/errno.js';
import { silentLogger } from '../../../../src/base/log.js';
import type { Adapter } from '../../../../src/fuse/native/adapter.js';
import type { Callback, FuseAddon, Signal } from '../../../../src/fuse/native/addon.js';
import { createCallbacks } from '../../../../src/fuse/native/callbacks.js';

const WORKER = Buffer.from('worker');

/** Operation numbers as in fuse-native.c. */
const OPS = {
  init: 0,
  access: 2,
  statfs: 3,
  fgetattr: 4,
  getattr: 5,
  readdir: 9,
  truncate: 10,
  ftruncate: 11,
  utimens: 12,
  chown: 14,
  chmod: 15,
  mknod: 16,
  setxattr: 17,
  getxattr: 18,
  listxattr: 19,
  removexattr: 20,
  open: 21,
  read: 23,
  write: 24,
  release: 25,
  create: 27,
  unlink: 28,
  rename: 29,
  link: 30,
  symlink: 31,
  mkdir: 32,
  rmdir: 33,
};

let signalled: { operation: string; args: readonly unknown[] }[];
let addon: FuseAddon;

beforeEach(() => {
  signalled = [];
  const members: Record<string, unknown> = {};
  for (const [operation, number] of Object.entries(OPS)) {
    const signal: Signal = (worker, ...args) => {
      expect(worker).toBe(WORKER);
      signalled.push({ operation, args });
    };
    members[`op_${operation}`] = number;
    members[`fuse_native_signal_${operation}`] = signal;
  }
  addon = members as unknown as FuseAddon;
});

/** Only what a test calls. */
function adapterWith(operations: Partial<Adapter>): Adapter {
  return operations as unknown as Adapter;
}

function functions(adapter: Partial<Adapter>): readonly (Callback | undefined)[] {
  return createCallbacks(addon, adapterWith(adapter), silentLogger, () => undefined).functions;
}

/** What is signalled when libfuse calls an operation. */
async function call(
  adapter: Partial<Adapter>,
  operation: keyof typeof OPS,
  ...args: unknown[]
): Promise<unknown> {
  functions(adapter)[OPS[operation]]?.(WORKER, OPS[operation], ...args);
  await new Promise((resolve) => setImmediate(resolve));
  expect(signalled).toHaveLength(1);
  expect(signalled[0]?.operation).toBe(operation);
  return signalled[0]?.args;
}

const fail = (): never => {
  throw new FsError('ESTALE', 'gone', { severity: 'debug' });
};
const ESTALE = new FsError('ESTALE', '').wireErrno;

describe('callbacks', () => {
  test('are there for every operation that the transport knows, and for no other', () => {
    const { functions: table, implemented } = createCallbacks(
      addon,
      adapterWith({}),
      silentLogger,
      () => undefined,
    );
    const present = Object.values(OPS).sort((a, b) => a - b);
    expect([...table.keys()].filter((number) => table[number] !== undefined)).toEqual(present);
    expect([...implemented.keys()].filter((number) => implemented[number] === 1)).toEqual(present);
  });

  test('answer values at once', () => {
    functions({ release: () => undefined })[OPS.release]?.(WORKER, OPS.release, '/a', 1);
    expect(signalled).toEqual([{ operation: 'release', args: [0] }]);
  });

  test('answer promises when they settle', async () => {
    expect(await call({ open: () => Promise.resolve(7) }, 'open', '/a', 0)).toEqual([0, 7]);
  });

  test('put the two words of an offset together', async () => {
    const into = Buffer.alloc(8);
    let at = 0;
    const read = (_handle: number, _into: Uint8Array, offset: number): Promise<number> => {
      at = offset;
      return Promise.resolve(3);
    };
    expect(await call({ read }, 'read', '/a', 1, into, 8, 4096, 1)).toEqual([3, 3, into.buffer]);
    expect(at).toBe(2 ** 32 + 4096);
  });

  test.each([
    { operation: 'getattr', args: ['/a'], rest: [new Uint32Array(18)] },
    { operation: 'fgetattr', args: ['/a', 1], rest: [new Uint32Array(18)] },
    { operation: 'statfs', args: ['/'], rest: [new Uint32Array(11)] },
    { operation: 'readdir', args: ['/'], rest: [[], []] },
    { operation: 'open', args: ['/a', 0], rest: [0] },
    { operation: 'release', args: ['/a', 1], rest: [] },
    { operation: 'unlink', args: ['/a'], rest: [] },
  ] as const)('$operation hands something back when it fails too', async ({ operation, args, rest }) => {
    expect(await call({ [operation]: fail }, operation, ...args)).toEqual([ESTALE, ...rest]);
  });

  test.each([
    { operation: 'read', args: ['/a', 1, Buffer.alloc(4), 4, 0, 0], rest: [0] },
    { operation: 'getxattr', args: ['/a', 'user.x', Buffer.alloc(4), 0], rest: [] },
    { operation: 'listxattr', args: ['/a', Buffer.alloc(4)], rest: [] },
  ] as const)('$operation gives the buffer back when it fails', async ({ operation, args, rest }) => {
    const buffer = args.find((arg) => Buffer.isBuffer(arg));
    expect(await call({ [operation]: fail }, operation, ...args)).toEqual([ESTALE, ...rest, buffer?.buffer]);
  });

  test.each([
    { operation: 'setxattr', args: ['/a', 'user.x', Buffer.alloc(4), 0, 0], rest: 1 },
    { operation: 'write', args: ['/a', 1, Buffer.alloc(4), 4, 0, 0], rest: 2 },
    { operation: 'create', args: ['/a', 0o600], rest: 1 },
    { operation: 'mkdir', args: ['/a', 0o700], rest: 0 },
    { operation: 'truncate', args: ['/a', 0, 0], rest: 0 },
    { operation: 'chmod', args: ['/a', 0], rest: 0 },
    { operation: 'link', args: ['/a', '/b'], rest: 0 },
  ] as const)('$operation is refused', async ({ operation, args, rest }) => {
    const answered = (await call({ refuse: fail }, operation, ...args)) as unknown[];
    expect([answered[0], answered.length]).toEqual([ESTALE, 1 + rest]);
  });

  test('listings carry types and inode numbers, the dots once', async () => {
    const readdir: Adapter['readdir'] = () => [
      { name: '.', ino: 1, isDirectory: true, nextOffset: 1 },
      { name: 'a', ino: 9, isDirectory: false, nextOffset: 2 },
    ];
    const [, names, stats] = (await call({ readdir }, 'readdir', '/')) as [number, string[], Uint32Array[]];
    expect(names).toEqual(['.', '..', 'a']);
    expect(stats.map((words) => words[7])).toEqual([1, 1, 9]);
  });
});
