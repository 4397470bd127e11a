import { OPCODE } from './abi.js';
import type { Operation } from './operation.js';
import { access, getattr, statfs, statx } from './handlers/stat.js';
import { destroy, init, interrupt, notifyReply, unsupported } from './handlers/control.js';
import { opendir, readdir, readdirplus, releasedir } from './handlers/directories.js';
import { nothingToWrite, open, read, release } from './handlers/files.js';
import { batchForget, forget, lookup, unlink } from './handlers/names.js';
import { refusedOperations } from './handlers/writes.js';
import { getxattr, listxattr } from './handlers/xattrs.js';

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
