import { decodeAccess, decodeGetattr, decodeStatx } from '../decode.js';
import { encodeAttrOut, encodeStatfs, encodeStatxOut } from '../encode.js';
import { acknowledging, replying } from '../operation.js';

/** What is known of files and of the whole. */

export const getattr = replying(
  'getattr',
  ({ filesystem }, request) => filesystem.getattr(request.nodeid, request, decodeGetattr(request.body)),
  encodeAttrOut,
);

/** Asked (7.39) when somebody wants the time of birth. */
export const statx = replying(
  'statx',
  ({ filesystem }, request) => filesystem.getattr(request.nodeid, request, decodeStatx(request.body)),
  encodeStatxOut,
);

export const access = acknowledging('access', ({ filesystem }, request) =>
  filesystem.access(request.nodeid, decodeAccess(request.body), request),
);

export const statfs = replying('statfs', ({ filesystem }) => filesystem.statfs(), encodeStatfs);
