import { OPCODE } from './abi.js';
import type { Operation } from './operation.js';
import { access, getattr, statfs, statx } from './operations/attributes.js';
import { destroy, init, interrupt, notifyReply, unsupported } from './operations/control.js';
import { opendir, readdir, readdirplus, releasedir } from './operations/directories.js';
import { nothingToWrite, open, read, release } from './operations/files.js';
import { batchForget, forget, lookup, unlink } from './operations/names.js';
import { refusedOperations } from './operations/refused.js';
import { getxattr, listxattr } from './operations/xattrs.js';

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
