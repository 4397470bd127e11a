import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import { MountError } from '../transport.js';

/** Names a place without opening what is there: no automount starts. @see Linux include/uapi/asm-generic/fcntl.h */
const O_PATH = 0o10000000;

/**
 * A mount point that is held by a descriptor. Whoever owns the directory above it may put another directory or a symbolic
 * link in its place at any time; the descriptor stays with the one that was looked at.
 */
export class HeldDirectory implements Disposable {
  readonly fd: number;

  /** @throws MountError when `path` leads anywhere else than to the directory of that name */
  constructor(path: string) {
    try {
      this.fd = openSync(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    } catch (error) {
      throw new MountError(`cannot mount at ${path}: ${(error as Error).message}`, { cause: error });
    }
    if (this.path === path) return;
    closeSync(this.fd);
    throw new MountError(moved(path));
  }

  /** Where it is now. */
  get path(): string {
    return readlinkSync(`/proc/self/fd/${this.fd}`);
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

export function moved(path: string): string {
  return `cannot mount at ${path}: somebody moved it meanwhile; name a directory whose parents only root may change`;
}
