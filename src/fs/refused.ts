import type { ErrnoName } from '../base/errno.js';
import { FsError } from '../base/errno.js';
import type { RefusedOperation } from './api.js';

/** What writing system calls end with. ENOTSUP for xattrs: cp -a and rsync -X take it quietly. */
const ERRNO_OF: Record<RefusedOperation, ErrnoName> = {
  create: 'EPERM',
  mkdir: 'EPERM',
  mknod: 'EPERM',
  rename: 'EPERM',
  link: 'EPERM',
  symlink: 'EPERM',
  rmdir: 'EPERM',
  setattr: 'EPERM',
  write: 'EBADF',
  fallocate: 'EBADF',
  setxattr: 'ENOTSUP',
  removexattr: 'ENOTSUP',
};

export function refusal(operation: RefusedOperation): FsError {
  return new FsError(ERRNO_OF[operation], `dumps are read-only: ${operation} is refused`, {
    severity: 'debug',
  });
}
