import { constants } from 'node:fs';
import type { ByteWriter } from '../../base/byte-writer.js';
import { FsError } from '../../base/errno.js';
import type { PinnedBytes } from '../../base/pinned-bytes.js';
import type { DirectoryEntry, Entry, Filesystem, RefusedOperation } from '../../fs/index.js';
import { FOPEN_KEEP_CACHE, FOPEN_NOFLUSH, MAJOR, OPCODE } from './abi.js';
import type { InitRequest } from './decode.js';
import {
  decodeAccess,
  decodeBatchForget,
  decodeForget,
  decodeGetattr,
  decodeGetxattr,
  decodeInit,
  decodeInterrupt,
  decodeListxattr,
  decodeName,
  decodeOpen,
  decodeRead,
  decodeRelease,
  decodeStatx,
} from './decode.js';
import {
  encodeAttrOut,
  encodeDirectory,
  encodeDirectoryPlus,
  encodeEntry,
  encodeInit,
  encodeOpen,
  encodeStatfs,
  encodeStatxOut,
  encodeXattrSize,
} from './encode.js';
import type { Negotiation } from './negotiate.js';
import type { KernelRequest } from './request.js';

/** The way back to the kernel. `sendBody` and `sendBytes` say whether it took the reply: somebody still waited for it. */
export interface Replies {
  /** Starts a reply: its body goes into the writer, then comes `sendBody`. Nothing may be awaited in between. */
  startBody(): ByteWriter;
  sendBody(unique: bigint): boolean;
  sendBytes(unique: bigint, bytes: PinnedBytes): boolean;
  /** @param wireErrno negative */
  sendError(unique: bigint, wireErrno: number): void;
}

/** What operations act on. */
export interface Server {
  readonly filesystem: Filesystem;
  readonly replies: Replies;
  /** Handles that the kernel holds. */
  readonly openFiles: Set<number>;
  /** The mount has the option `default_permissions`. */
  readonly kernelChecksPermissions: boolean;
  initialize(request: InitRequest): Negotiation;
  interrupt(unique: bigint): void;
}

/**
 * How one opcode is served: the body of the request becomes a call, its result becomes the body of the reply.
 *
 * Methods rather than function properties, so that operations of all result types fit into one table.
 */
export interface Operation<T> {
  readonly name: string;
  /** The kernel expects no reply, not even an error. */
  readonly silent: boolean;
  run(server: Server, request: KernelRequest): T | Promise<T>;
  /** Undoes what `run` has counted when nobody takes the reply: the kernel will not give it back then. */
  reply(server: Server, request: KernelRequest, value: T): void;
}

/** An operation that counts nothing: `encode` is all there is to its reply. */
function replying<T>(
  name: string,
  run: (server: Server, request: KernelRequest) => T | Promise<T>,
  encode: (writer: ByteWriter, value: T) => void,
): Operation<T> {
  return {
    name,
    silent: false,
    run,
    reply: ({ replies }, { unique }, value) => {
      encode(replies.startBody(), value);
      replies.sendBody(unique);
    },
  };
}

/** An operation whose reply says no more than that it was done. */
export function acknowledging(
  name: string,
  run: (server: Server, request: KernelRequest) => void | Promise<void>,
): Operation<void> {
  return replying(name, run, () => undefined);
}

/** A message that is not replied to. */
function silent(name: string, run: (server: Server, request: KernelRequest) => void): Operation<void> {
  return { name, silent: true, run, reply: () => undefined };
}

// --- names and the lookups that the kernel counts for them ---

const lookup: Operation<Entry> = {
  name: 'lookup',
  silent: false,
  run: ({ filesystem }, request) => filesystem.lookup(request.nodeid, decodeName(request.body), request),
  reply: ({ filesystem, replies }, { unique }, entry) => {
    encodeEntry(replies.startBody(), entry);
    if (!replies.sendBody(unique)) filesystem.forget(entry.attributes.ino, 1);
  },
};

const forget = silent('forget', ({ filesystem }, { nodeid, body }) =>
  filesystem.forget(nodeid, decodeForget(body)),
);

const batchForget = silent('batch_forget', ({ filesystem }, { body }) => {
  for (const { nodeid, count } of decodeBatchForget(body)) filesystem.forget(nodeid, count);
});

const unlink = acknowledging('unlink', ({ filesystem }, request) =>
  filesystem.unlink(request.nodeid, decodeName(request.body), request),
);

// --- what is known of files and of the whole ---

const getattr = replying(
  'getattr',
  ({ filesystem }, request) => filesystem.getattr(request.nodeid, request, decodeGetattr(request.body)),
  encodeAttrOut,
);

/** Asked (7.39) when somebody wants the time of birth. */
const statx = replying(
  'statx',
  ({ filesystem }, request) => filesystem.getattr(request.nodeid, request, decodeStatx(request.body)),
  encodeStatxOut,
);

const access = acknowledging('access', ({ filesystem }, request) =>
  filesystem.access(request.nodeid, decodeAccess(request.body), request),
);

const statfs = replying('statfs', ({ filesystem }) => filesystem.statfs(), encodeStatfs);

// --- open files ---

const open: Operation<number> = {
  name: 'open',
  silent: false,
  run: ({ filesystem }, request) => filesystem.open(request.nodeid, decodeOpen(request.body), request),
  reply: ({ filesystem, replies, openFiles }, { unique }, fh) => {
    // An inode's content never changes, so pages outlive the file that read them.
    encodeOpen(replies.startBody(), fh, FOPEN_KEEP_CACHE | FOPEN_NOFLUSH);
    if (!replies.sendBody(unique)) {
      filesystem.release(fh);
      return;
    }
    openFiles.add(fh);
  },
};

const read: Operation<PinnedBytes> = {
  name: 'read',
  silent: false,
  run: ({ filesystem }, request) => {
    const { fh, offset, size, openFlags } = decodeRead(request.body);
    const isDirect = (openFlags & constants.O_DIRECT) !== 0;
    return filesystem.read(fh, offset, size, request, isDirect);
  },
  reply: ({ replies }, { unique }, value) => {
    using bytes = value;
    if (replies.sendBytes(unique, bytes)) bytes.delivered();
  },
};

const release = acknowledging('release', ({ filesystem, openFiles }, { body }) => {
  const fh = decodeRelease(body);
  openFiles.delete(fh);
  filesystem.release(fh);
});

/** FLUSH (kernels before 7.35 send it at every close), FSYNC, FSYNCDIR: there is never anything to write. */
const nothingToWrite = acknowledging('sync', () => undefined);

// --- listing the root. Open directories have no state, and no handles ---

const opendir = replying(
  'opendir',
  ({ filesystem }, request) => {
    decodeOpen(request.body);
    filesystem.opendir(request.nodeid, request);
  },
  (writer) => encodeOpen(writer, 0, 0),
);

interface Listing {
  readonly entries: Iterable<DirectoryEntry>;
  /** Bytes that the kernel has room for. */
  readonly size: number;
}

function list({ filesystem }: Server, { body }: KernelRequest): Listing {
  const { offset, size } = decodeRead(body);
  return { entries: filesystem.readdir(offset), size };
}

const readdir = replying('readdir', list, (writer, { entries, size }) =>
  encodeDirectory(writer, entries, size),
);

const readdirplus: Operation<Listing> = {
  name: 'readdirplus',
  silent: false,
  run: list,
  reply: ({ filesystem, replies }, request, { entries, size }) => {
    const counted = encodeDirectoryPlus(replies.startBody(), entries, size, (ino) =>
      filesystem.entryOf(ino, request),
    );
    if (replies.sendBody(request.unique)) return;
    for (const ino of counted) filesystem.forget(ino, 1);
  },
};

const releasedir = acknowledging('releasedir', () => undefined);

// --- extended attributes ---

interface Value {
  readonly bytes: Uint8Array;
  /** Room of whoever asks; 0: how much is needed is the question. */
  readonly room: number;
}

const getxattr = replying(
  'getxattr',
  async ({ filesystem }, request): Promise<Value> => {
    const { size, name } = decodeGetxattr(request.body);
    return { bytes: await filesystem.getxattr(request.nodeid, name, request), room: size };
  },
  encodeValue,
);

const listxattr = replying(
  'listxattr',
  ({ filesystem }, { nodeid, body }): Value => {
    const room = decodeListxattr(body);
    const names = filesystem.listxattr(nodeid).map((name) => `${name}\0`);
    return { bytes: Buffer.from(names.join('')), room };
  },
  encodeValue,
);

function encodeValue(writer: ByteWriter, { bytes, room }: Value): void {
  if (room === 0) encodeXattrSize(writer, bytes.length);
  else if (bytes.length <= room) writer.bytes(bytes);
  else throw new FsError('ERANGE', `${bytes.length} bytes do not fit into ${room}`, { severity: 'debug' });
}

// --- the connection itself ---

const init: Operation<Negotiation> = {
  name: 'init',
  silent: false,
  run: (server, { body }) => server.initialize(decodeInit(body)),
  reply: ({ replies }, { unique }, negotiation) => {
    if (negotiation.kind === 'refused') throw new FsError('EPROTO', negotiation.why);
    encodeInit(replies.startBody(), MAJOR, negotiation.reply);
    replies.sendBody(unique);
  },
};

/** Never replied to: a request that is unknown has been answered already, and EAGAIN would bring this one back. */
const interrupt = silent('interrupt', (server, { body }) => server.interrupt(decodeInterrupt(body)));

/** Not sent for mounts of type `fuse`; the end of the connection tells us (ENODEV). */
const destroy = acknowledging('destroy', () => undefined);

/** Answers NOTIFY_RETRIEVE, which we never send. */
const notifyReply = silent('notify_reply', () => undefined);

/** What the kernel does by itself when we do not: seeking, locking, polling, ... */
const unsupported = acknowledging('unsupported', (_server, { opcode }) => {
  throw new FsError('ENOSYS', `opcode ${opcode} is not served`, { severity: 'debug' });
});

/** Opcodes that would change something, and what the filesystem calls them. Their bodies do not matter. */
const REFUSED: readonly (readonly [number, RefusedOperation])[] = [
  // chmod, chown, truncate, utimens
  [OPCODE.SETATTR, 'setattr'],
  [OPCODE.SYMLINK, 'symlink'],
  [OPCODE.MKNOD, 'mknod'],
  [OPCODE.MKDIR, 'mkdir'],
  [OPCODE.RMDIR, 'rmdir'],
  [OPCODE.RENAME, 'rename'],
  [OPCODE.RENAME2, 'rename'],
  [OPCODE.LINK, 'link'],
  [OPCODE.WRITE, 'write'],
  [OPCODE.COPY_FILE_RANGE, 'write'],
  [OPCODE.SETXATTR, 'setxattr'],
  [OPCODE.REMOVEXATTR, 'removexattr'],
  [OPCODE.CREATE, 'create'],
  [OPCODE.TMPFILE, 'create'],
  [OPCODE.FALLOCATE, 'fallocate'],
];

const refusedOperations: readonly (readonly [number, Operation<void>])[] = REFUSED.map(
  ([opcode, operation]) => [
    opcode,
    acknowledging(operation, ({ filesystem }) => {
      throw filesystem.refuse(operation);
    }),
  ],
);

// --- which is which ---

const TABLE: ReadonlyMap<number, Operation<unknown>> = new Map<number, Operation<unknown>>([
  [OPCODE.LOOKUP, lookup],
  [OPCODE.FORGET, forget],
  [OPCODE.BATCH_FORGET, batchForget],
  [OPCODE.UNLINK, unlink],
  [OPCODE.GETATTR, getattr],
  [OPCODE.STATX, statx],
  [OPCODE.ACCESS, access],
  [OPCODE.STATFS, statfs],
  [OPCODE.OPEN, open],
  [OPCODE.READ, read],
  [OPCODE.RELEASE, release],
  [OPCODE.FLUSH, nothingToWrite],
  [OPCODE.FSYNC, nothingToWrite],
  [OPCODE.FSYNCDIR, nothingToWrite],
  [OPCODE.OPENDIR, opendir],
  [OPCODE.READDIR, readdir],
  [OPCODE.READDIRPLUS, readdirplus],
  [OPCODE.RELEASEDIR, releasedir],
  [OPCODE.GETXATTR, getxattr],
  [OPCODE.LISTXATTR, listxattr],
  [OPCODE.INIT, init],
  [OPCODE.INTERRUPT, interrupt],
  [OPCODE.DESTROY, destroy],
  [OPCODE.NOTIFY_REPLY, notifyReply],
  ...refusedOperations,
]);

/** How an opcode is served. ENOSYS for one that is not: the kernel then does without, and mostly asks no more. */
export function operationFor(opcode: number): Operation<unknown> {
  return TABLE.get(opcode) ?? unsupported;
}
