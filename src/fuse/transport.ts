import type { Logger } from '../base/log.js';
import type { Filesystem } from '../fs/index.js';

/** A way to let the kernel ask a `Filesystem`. */
export interface Transport {
  readonly name: 'kernel' | 'fuse-native';
  /** Resolves when the mount is usable. @throws MountError */
  mount(filesystem: Filesystem, options: MountOptions): Promise<Mounted>;
}

export interface MountOptions {
  /** Absolute path of a directory, or `/dev/fd/N`: a FUSE device that somebody has mounted already. */
  readonly mountpoint: string;
  /** First column of the mount table. */
  readonly fsname: string;
  readonly allowOther: boolean;
  readonly readOnly: boolean;
  /** Further options for the kernel: nosuid, nodev, noexec, noatime, context=... */
  readonly kernelOptions: readonly string[];
  readonly log: Logger;
}

/** `lost`: nobody has unmounted it, and whoever asks it is answered ENOTCONN until it is cleared away. */
export type MountEnd = 'unmounted' | 'lost';

export interface Mounted {
  /** Resolves once the kernel has let go, however the mount ended: our `unmount`, umount(8), a lost connection. */
  readonly ended: Promise<MountEnd>;
  /**
   * Unmounts. A busy mount is retried for `timeoutMs` and then detached (MNT_DETACH); the log says so and who holds it.
   * A second call ends the wait of the first.
   */
  unmount(timeoutMs: number): Promise<void>;
}

/** Why a mount did not come about; the message tells an operator what to do. */
export class MountError extends Error {
  override readonly name = 'MountError';
}
