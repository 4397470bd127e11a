import { accessSync, constants, readFileSync } from 'node:fs';
import type { MountOptions } from '../transport.js';
import { MountError } from '../transport.js';

/** libfuse says why it cannot mount on standard error only; what usually is the reason can be looked up. */
export function mountFailure(options: MountOptions, cause: unknown): MountError {
  const reason = usualReason(options) ?? 'libfuse has said why on standard error';
  return new MountError(`libfuse could not mount ${options.mountpoint}: ${reason}`, { cause });
}

function usualReason(options: MountOptions): string | undefined {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unusable';
    if (code === 'ENOENT')
      return 'there is no /dev/fuse: load the module fuse, or pass the device into the container';
    return `/dev/fuse may not be opened by this user (${code}): its mode is usually 0666`;
  }
  if (process.getuid?.() === 0 || !options.allowOther || userMayAllowOther()) return undefined;
  return 'allow_other needs the line user_allow_other in /etc/fuse.conf';
}

/** Whether whoever is not root may mount for others (fuse.conf of mount.fuse3(8)). */
export function userMayAllowOther(): boolean {
  try {
    return /^\s*user_allow_other\b/m.test(readFileSync('/etc/fuse.conf', 'utf8'));
  } catch {
    return false;
  }
}
