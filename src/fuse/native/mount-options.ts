import type { MountOptions } from '../transport.js';
import { MountError } from '../transport.js';

/** The addon copies the options into a buffer of 1024 bytes. */
const MAX_BYTES = 1023;

/**
 * What libfuse 2 is told, each with its reason. `hard_remove` is not among it: reads of a file that was unlinked while
 * open would fail with ENOENT then, since the addon cannot do without paths.
 */
const FIXED = [
  // So that the mount shows as type fuse.platdumpfs.
  'subtype=platdumpfs',
  'default_permissions',
  // Inode numbers are the filesystem's.
  'use_ino',
  // The kernel asks for names and attributes each time: sizes may be corrected, names vanish, and libfuse cannot say for
  // how long an answer holds. A first lookup may even answer an unknown size.
  'attr_timeout=0',
  'entry_timeout=0',
  'negative_timeout=0',
  // Content never changes; pages are kept from one open to the next and purged by notification.
  'kernel_cache',
  // Names keep their node numbers, which makes those notifications possible.
  'noforget',
  // Read-ahead of one dump that waits for firmware must not use up what the kernel allows in flight: it is 12 otherwise.
  'max_background=4096',
  'congestion_threshold=4096',
  // Mounting over a directory with files, or over an automount that waits for us, is the caller's decision.
  'nonempty',
];

const PASSED_ON = /^(?:no)?(?:suid|dev|exec|atime)$|^(?:a)?sync$|^dirsync$|^(?:|fs|def|root)context=/;

/** The argument that the addon hands to `fuse_mount` and `fuse_new`. @throws MountError */
export function nativeMountOptions(options: MountOptions): string {
  const refused = options.kernelOptions.filter((option) => !PASSED_ON.test(option));
  if (refused.length > 0)
    throw new MountError(`libfuse 2 does not know the option ${refused.join(', ')}: leave it out`);
  const all = [
    ...FIXED,
    `fsname=${options.fsname}`,
    ...(options.allowOther ? ['allow_other'] : []),
    ...(options.readOnly ? ['ro'] : []),
    ...options.kernelOptions,
  ];
  const text = `-o${all.map(escape).join(',')}`;
  if (Buffer.byteLength(text) > MAX_BYTES)
    throw new MountError(`mount options are longer than ${MAX_BYTES} bytes`);
  return text;
}

/** libfuse splits at commas and takes a backslash for an escape. */
function escape(option: string): string {
  return option.replace(/[\\,]/g, '\\$&');
}
