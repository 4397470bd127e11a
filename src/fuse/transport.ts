import type { Logger } from '../base/log.js';
import type { Filesystem } from '../fs/index.js';

/** A way to let the kernel ask a `Filesystem`. */
export interface Transport {
  readonly name: 'kernel' | 'fuse-native';
  /** Resolves when the mount is usable. @throws MountError */
  mount(filesystem: Filesystem, options: MountOptions): Promise<Mounted>;
  /** Goes on with a mount that another process has served; absent: the transport cannot. @throws MountError */
  goOn?(filesystem: Filesystem, handed: HandedDevice, log: Logger): Promise<Mounted>;
}

/** A mount for another process to go on with. */
export interface HandedDevice {
  /** The FUSE device, in this process. */
  readonly fd: number;
  /** Absolute, without symbolic links. */
  readonly mountpoint: string;
  /** In the mount table. */
  readonly mountId: number;
}

/** What is mounted, and where. */
export interface Attachment {
  /** Absolute path of a directory, or `/dev/fd/N`: a FUSE device that somebody has mounted already. */
  readonly mountpoint: string;
  /** First column of the mount table. */
  readonly fsname: string;
  readonly allowOther: boolean;
  readonly readOnly: boolean;
  /** Further options for the kernel: nosuid, nodev, noexec, noatime, context=... */
  readonly kernelOptions: readonly string[];
}

export interface MountOptions extends Attachment {
  readonly log: Logger;
  /** Mounts in our place; by default this process does. */
  readonly mounter?: Mounter | undefined;
}

/** Another process that has handed over a FUSE device, and mounts it once we can answer the kernel. */
export interface Mounter {
  readonly fd: number;
  /** @returns where it is mounted @throws MountError */
  mount(): Promise<string>;
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
  /** Undefined: no other process could go on with this mount. */
  readonly handover?: Handover | undefined;
}

/** A mount that outlives the process that serves it, if somebody keeps its device open. */
export interface Handover {
  readonly device: HandedDevice;
  /**
   * Answers nobody any more, and does not unmount: the kernel asks once more what is not answered, whoever goes on.
   *
   * @param isStillWanted Asked in the last moment in which everything can go on as before.
   * @param settle Ends what must not be begun twice; its answers still go out.
   * @returns false: it cannot be done just now, everything goes on as before
   */
  begin(isStillWanted: () => boolean, settle: () => Promise<void>): Promise<boolean>;
}

/** Why a mount did not come about; the message tells an operator what to do. */
export class MountError extends Error {
  override readonly name = 'MountError';
}
