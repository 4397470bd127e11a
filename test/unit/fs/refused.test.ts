import { expect, test } from 'vitest';
import type { ErrnoName } from '../../../src/base/errno.js';
import type { RefusedOperation } from '../../../src/fs/index.js';
import { refusal } from '../../../src/fs/refused.js';

test.each<{ operation: RefusedOperation; code: ErrnoName }>([
  { operation: 'create', code: 'EPERM' },
  { operation: 'mkdir', code: 'EPERM' },
  { operation: 'mknod', code: 'EPERM' },
  { operation: 'rename', code: 'EPERM' },
  { operation: 'link', code: 'EPERM' },
  { operation: 'symlink', code: 'EPERM' },
  { operation: 'rmdir', code: 'EPERM' },
  { operation: 'setattr', code: 'EPERM' },
  { operation: 'write', code: 'EBADF' },
  { operation: 'fallocate', code: 'EBADF' },
  { operation: 'setxattr', code: 'ENOTSUP' },
  { operation: 'removexattr', code: 'ENOTSUP' },
])('$operation is refused with $code, quietly and by name', ({ operation, code }) => {
  expect(refusal(operation)).toMatchObject({ code, severity: 'debug' });
  expect(refusal(operation).message).toContain(operation);
});
