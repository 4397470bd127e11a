import { INIT_FLAG, MAJOR, MAX_WRITE_BYTES, OLDEST_MINOR, OUR_MINOR } from './abi.js';
import type { InitRequest } from './decode.js';
import type { InitReply } from './encode.js';

export type Negotiation =
  | { readonly kind: 'agreed'; readonly reply: InitReply }
  /** The kernel is to start again with our major version. */
  | { readonly kind: 'again'; readonly reply: InitReply }
  | { readonly kind: 'refused'; readonly why: string };

/** No request is for more, with pages of 4 KiB or 64 KiB. */
export const MAX_REQUEST_BYTES = 1024 * 1024;

/**
 * Requests that nobody waits for (read-ahead) and that the kernel leaves with us at a time, all files together. A reader
 * has two of them under way: with the kernel's default of 12, six readers of a dump that firmware is slow to deliver
 * would hold up every other dump. Above the threshold the kernel reads ahead no further.
 */
const MAX_BACKGROUND = 4096;
const CONGESTION_THRESHOLD = 3072;

const WANTED_FLAGS =
  INIT_FLAG.ASYNC_READ |
  // open(2) for writing is refused in one request, O_TRUNC or not.
  INIT_FLAG.ATOMIC_O_TRUNC |
  // File handles stay valid when the kernel drops an inode: it looks up `.` in it.
  INIT_FLAG.EXPORT_SUPPORT |
  INIT_FLAG.DO_READDIRPLUS |
  INIT_FLAG.READDIRPLUS_AUTO |
  INIT_FLAG.PARALLEL_DIROPS |
  // A connection that an administrator aborts is told from one that was unmounted.
  INIT_FLAG.ABORT_ERROR |
  INIT_FLAG.MAX_PAGES |
  // Content never changes: a corrected size alone is no reason to drop pages.
  INIT_FLAG.EXPLICIT_INVAL_DATA |
  INIT_FLAG.INIT_EXT;

/**
 * Answers FUSE_INIT: what this transport uses of what the kernel offers.
 *
 * Not asked for: locks (the kernel keeps them), a write-back cache, io_uring.
 */
export function negotiate(request: InitRequest, pageBytes: number): Negotiation {
  if (request.major > MAJOR) return { kind: 'again', reply: replyTo(request, OUR_MINOR, pageBytes) };
  if (request.major < MAJOR || request.minor < OLDEST_MINOR) {
    const theirs = `${request.major}.${request.minor}`;
    return {
      kind: 'refused',
      why: `the kernel speaks FUSE protocol ${theirs}, ${MAJOR}.${OLDEST_MINOR} is needed: use Linux 5.4 or later`,
    };
  }
  const minor = Math.min(request.minor, OUR_MINOR);
  return { kind: 'agreed', reply: replyTo(request, minor, pageBytes) };
}

function replyTo(request: InitRequest, minor: number, pageBytes: number): InitReply {
  return {
    minor,
    maxReadahead: Math.min(request.maxReadahead, MAX_REQUEST_BYTES),
    flags: request.flags & WANTED_FLAGS,
    maxBackground: MAX_BACKGROUND,
    congestionThreshold: CONGESTION_THRESHOLD,
    maxWrite: MAX_WRITE_BYTES,
    timeGranNs: 1,
    maxPages: Math.max(1, Math.floor(MAX_REQUEST_BYTES / pageBytes)),
  };
}
