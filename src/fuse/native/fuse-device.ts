import { readdirSync } from 'node:fs';
import { isFuseDevice } from '../fuse-descriptor.js';
import type { Failures } from '../notification-thread.js';
import { NotificationThread } from '../notification-thread.js';

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
  readonly #notifications = new NotificationThread();

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** False once libfuse has let go: the kernel has ended the connection. */
  get isOpen(): boolean {
    return isFuseDevice(this.#fd);
  }

  /**
   * Sends notifications, in order and on another thread: the kernel waits there for page locks that requests hold which
   * the main thread has to answer.
   *
   * @returns errno names of those that failed
   */
  async notify(messages: readonly Uint8Array[]): Promise<Failures> {
    return this.#notifications.send(this.#fd, messages);
  }

  /** Nothing is sent any more. */
  release(): void {
    this.#notifications.end();
  }
}
