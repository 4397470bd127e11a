import type { DirectoryEntry } from '../../../fs/index.js';
import { decodeOpen, decodeRead, decodeRelease } from '../decode.js';
import { encodeDirectory, encodeDirectoryPlus } from '../directory.js';
import { encodeOpen } from '../encode.js';
import type { Operation, Server } from '../operation.js';
import { acknowledging, replying } from '../operation.js';
import type { KernelRequest } from '../request.js';

/** Open directories. */

export const opendir: Operation<number> = {
  name: 'opendir',
  silent: false,
  run: ({ filesystem }, { nodeid, body }) => {
    decodeOpen(body);
    return filesystem.opendir(nodeid);
  },
  reply: ({ filesystem, replies, openDirectories }, { unique }, fh) => {
    encodeOpen(replies.startBody(), fh, 0);
    if (replies.sendBody(unique)) openDirectories.add(fh);
    else filesystem.releasedir(fh);
  },
};

interface Listing {
  readonly entries: readonly DirectoryEntry[];
  /** Bytes that the kernel has room for. */
  readonly size: number;
}

function list({ filesystem }: Server, { body }: KernelRequest): Listing {
  const { fh, offset, size } = decodeRead(body);
  return { entries: filesystem.readdir(fh, offset), size };
}

export const readdir = replying('readdir', list, (writer, { entries, size }) =>
  encodeDirectory(writer, entries, size),
);

export const readdirplus: Operation<Listing> = {
  name: 'readdirplus',
  silent: false,
  run: list,
  reply: ({ filesystem, replies }, { unique }, { entries, size }) => {
    const counted = encodeDirectoryPlus(replies.startBody(), entries, size, (ino) => filesystem.entryOf(ino));
    if (replies.sendBody(unique)) return;
    for (const ino of counted) filesystem.forget(ino, 1);
  },
};

export const releasedir = acknowledging('releasedir', ({ filesystem, openDirectories }, { body }) => {
  const fh = decodeRelease(body);
  openDirectories.delete(fh);
  filesystem.releasedir(fh);
});
