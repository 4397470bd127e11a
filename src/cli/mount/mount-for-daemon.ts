import { closeSync } from 'node:fs';
import { canMountDirectly, checkMountpoint, mountDevice, openDevice } from '../../fuse/index.js';
import type { MountRequest } from './mount-request.js';
import { attachmentOf, passedDescriptor } from './mount-request.js';
import type { ParentAnswer } from './parent.js';

/**
 * Mounts for the daemon that this process starts.
 *
 * Where systemd has an automount, everybody who looks at the mount point waits until it is mounted, but for the process
 * group of the mount(8) that systemd has started. We are in that group, the daemon is in a session of its own.
 */
export class MountForDaemon implements Disposable {
  /** The device that the daemon is to inherit; undefined: it has to mount itself, and says why it cannot. */
  readonly fd: number | undefined;
  readonly #request: MountRequest;
  #mountpoint: string;

  constructor(request: MountRequest) {
    this.#request = request;
    this.#mountpoint = request.mountpoint;
    this.fd = isOurs(request) ? deviceIfAny() : undefined;
  }

  async answer(question: 'resolve' | 'mount'): Promise<ParentAnswer> {
    try {
      return { path: await (question === 'resolve' ? this.#resolve() : this.#mount()) };
    } catch (error) {
      return { refused: error instanceof Error ? error.message : String(error) };
    }
  }

  async #resolve(): Promise<string> {
    this.#mountpoint = await checkMountpoint(this.#request.mountpoint);
    return this.#mountpoint;
  }

  #mount(): Promise<string> {
    const { fd } = this;
    if (fd === undefined) throw new Error('there is no device to mount');
    return mountDevice(fd, { ...attachmentOf(this.#request), mountpoint: this.#mountpoint });
  }

  [Symbol.dispose](): void {
    if (this.fd !== undefined) closeSync(this.fd);
  }
}

function deviceIfAny(): number | undefined {
  try {
    return openDevice();
  } catch {
    return undefined;
  }
}

function isOurs({ mountpoint, settings }: MountRequest): boolean {
  return (
    !settings.takeover &&
    passedDescriptor(mountpoint) === undefined &&
    settings.transport !== 'fuse-native' &&
    canMountDirectly().ok
  );
}
