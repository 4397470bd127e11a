import type { RefusedOperation } from '../../../fs/index.js';
import { OPCODE } from '../abi.js';
import type { Operation } from '../operation.js';
import { acknowledging } from '../operation.js';

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

export const refusedOperations: readonly (readonly [number, Operation<void>])[] = REFUSED.map(
  ([opcode, operation]) => [
    opcode,
    acknowledging(operation, ({ filesystem }) => {
      throw filesystem.refuse(operation);
    }),
  ],
);
