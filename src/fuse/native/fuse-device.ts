import { fstatSync, readdirSync, write } from 'node:fs';

/** Character device 10:229, whatever it is called in /dev. @see Linux include/linux/miscdevice.h: FUSE_MINOR */
const FUSE_DEVICE = (10 << 8) | 229;

/** What the kernel made of a notification. `unknown`: it does not know the inode. */
export type Written = 'done' | 'unknown' | 'closed';

/** Descriptors of this process that are FUSE devices. */
export function fuseDescriptors(): number[] {
  return readdirSync('/proc/self/fd').map(Number).filter(isFuseDevice);
}

/**
 * The FUSE device that libfuse opened in this process and closes when the mount has ended. It is not ours: descriptor
 * numbers are used again, so what is written here must do no harm to whatever file has the number by then.
 */
export class FuseDevice {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** False once libfuse has let go: the kernel has ended the connection. */
  get isOpen(): boolean {
    return isFuseDevice(this.#fd);
  }

  /**
   * Sends one notification. On a thread of libuv's pool: the kernel waits there for page locks that requests hold which
   * the main thread has to answer.
   */
  notify(message: Uint8Array): Promise<Written> {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) {
        resolve('closed');
        return;
      }
      // The device does not look at the position. A file that got the number a moment ago does: nothing can be there.
      write(this.#fd, message, 0, message.length, Number.MAX_SAFE_INTEGER, (error) => {
        if (error === null) resolve('done');
        else if (error.code === 'ENOENT') resolve('unknown');
        else if (!this.isOpen || error.code === 'ENODEV') resolve('closed');
        else reject(error);
      });
    });
  }
}

function isFuseDevice(fd: number): boolean {
  try {
    const stats = fstatSync(fd);
    return stats.isCharacterDevice() && stats.rdev === FUSE_DEVICE;
  } catch {
    return false;
  }
}
