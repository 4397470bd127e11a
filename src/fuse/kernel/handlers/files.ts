import { constants } from 'node:fs';
import type { PinnedBytes } from '../../../base/pinned-bytes.js';
import { FOPEN_KEEP_CACHE, FOPEN_NOFLUSH } from '../abi.js';
import { decodeOpen, decodeRead, decodeRelease } from '../decode.js';
import { encodeOpen } from '../encode.js';
import type { Operation } from '../operation.js';
import { acknowledging } from '../operation.js';

/** Open files. */

export const open: Operation<number> = {
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

export const read: Operation<PinnedBytes> = {
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

export const release = acknowledging('release', ({ filesystem, openFiles }, { body }) => {
  const fh = decodeRelease(body);
  openFiles.delete(fh);
  filesystem.release(fh);
});

/** FLUSH (kernels before 7.35 send it at every close), FSYNC, FSYNCDIR: there is never anything to write. */
export const nothingToWrite = acknowledging('sync', () => undefined);
