import { closeSync, openSync } from 'node:fs';
import type { PaprDevice } from '../ports.js';
import { PAPR_READ_BYTES } from '../ports.js';
import { closeDescriptor, ioctlWord, readDescriptor } from './libc.js';
import { describeHolders, paprHolders } from './papr-holders.js';
import { CREATE_HANDLE, INVALIDATE } from './papr-ioctl.js';

export const PAPR_DEVICE_PATH = '/dev/papr-platform-dump';

/**
 * The kernel's driver. Whatever a thread leaves open is closed with it: a handle that nobody can close any more would
 * keep its tag from everybody until the process ends.
 *
 * A handle is given to nobody else and never seeks: lseek(2) on one oopses the kernel (seen on Linux 7.2). Reads carry
 * no position, and nothing but read, ioctl and close is done with it.
 */
export class KernelPaprDevice implements PaprDevice, Disposable {
  readonly #path: string;
  readonly #handles = new Set<number>();

  constructor(path: string = PAPR_DEVICE_PATH) {
    this.#path = path;
  }

  createHandle(tag: bigint): number {
    const device = openSync(this.#path, 'r');
    try {
      const handle = ioctlWord(device, CREATE_HANDLE, tag, `cannot create a handle by ${this.#path}`);
      this.#handles.add(handle);
      return handle;
    } catch (thrown) {
      throw withHolders(thrown);
    } finally {
      closeSync(device);
    }
  }

  read(handle: number, into: Uint8Array): number {
    return readDescriptor(handle, into, Math.min(into.length, PAPR_READ_BYTES));
  }

  invalidate(handle: number, tag: bigint): void {
    ioctlWord(handle, INVALIDATE, tag, 'cannot invalidate');
  }

  close(handle: number): void {
    this.#handles.delete(handle);
    closeDescriptor(handle);
  }

  [Symbol.dispose](): void {
    for (const handle of this.#handles) closeDescriptor(handle);
    this.#handles.clear();
  }
}

/** EALREADY does not say who: that is what an operator needs to know. */
function withHolders(thrown: unknown): unknown {
  if ((thrown as Partial<NodeJS.ErrnoException>).code !== 'EALREADY') return thrown;
  return Object.assign(new Error(`EALREADY: ${describeHolders(paprHolders(), process.pid)}`), {
    code: 'EALREADY',
  });
}
