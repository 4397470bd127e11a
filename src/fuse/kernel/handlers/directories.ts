import type { DirectoryEntry } from '../../../fs/index.js';
import { decodeOpen, decodeRead } from '../decode.js';
import { encodeDirectory, encodeDirectoryPlus } from '../encode-directory.js';
import { encodeOpen } from '../encode.js';
import type { Operation, Server } from '../operation.js';
import { acknowledging, replying } from '../operation.js';
import type { KernelRequest } from '../request.js';

/** Listing the root. Open directories have no state, and no handles. */

export const opendir = replying(
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

export const readdir = replying('readdir', list, (writer, { entries, size }) =>
  encodeDirectory(writer, entries, size),
);

export const readdirplus: Operation<Listing> = {
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

export const releasedir = acknowledging('releasedir', () => undefined);
