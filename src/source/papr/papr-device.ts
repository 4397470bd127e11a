import { closeSync, openSync } from 'node:fs';
import type { PaprDevice } from '../../rtas/index.js';
import { PAPR_READ_BYTES } from '../../rtas/index.js';
import { closeDescriptor, ioctlWord, readDescriptor } from '../../base/libc.js';
import { describeHolders, paprHolders } from './papr-holders.js';

export const PAPR_DEVICE_PATH = '/dev/papr-platform-dump';

/**
 * The kernel's driver. Handles belong to the process: any thread may read on where another one stopped, and close.
 *
 * A handle is given to nobody else and never seeks: lseek(2) on one oopses the kernel (seen on Linux 7.2). Reads carry
 * no position, and nothing but read, ioctl and close is done with it.
 */
export class KernelPaprDevice implements PaprDevice {
  readonly #path: string;

  constructor(path: string = PAPR_DEVICE_PATH) {
    this.#path = path;
  }

  createHandle(tag: bigint): number {
    const device = openSync(this.#path, 'r');
    try {
      return ioctlWord(device, CREATE_HANDLE, tag, `cannot create a handle by ${this.#path}`);
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
    closeDescriptor(handle);
  }
}

/** EALREADY does not say who: that is what an operator needs to know. */
function withHolders(thrown: unknown): unknown {
  if ((thrown as Partial<NodeJS.ErrnoException>).code !== 'EALREADY') return thrown;
  return Object.assign(new Error(`EALREADY: ${describeHolders(paprHolders(), process.pid)}`), {
    code: 'EALREADY',
  });
}

/**
 * ioctl numbers of `/dev/papr-platform-dump`.
 *
 * PowerPC encodes them in its own way: 3 bits of direction from bit 29 on (none 1, read 2, write 4) and 13 bits of
 * size. The generic encoding gives other numbers, which the driver answers with ENOTTY.
 *
 * @see Linux arch/powerpc/include/uapi/asm/{ioctl,papr-miscdev,papr-platform-dump}.h
 */
const DIRECTION_SHIFT = 29;
const SIZE_SHIFT = 16;
const TYPE_SHIFT = 8;
const WRITE = 4;
const PAPR_TYPE = 0xb2;
const TAG_BYTES = 8;

/** Makes a handle for a tag. Issued on the device. */
export const CREATE_HANDLE = writeCommand(6);
/** Makes firmware forget the dump. Issued on the handle. */
export const INVALIDATE = writeCommand(7);

/** `_IOW(PAPR_TYPE, number, u64)`, unsigned. */
function writeCommand(number: number): number {
  // Not by `<<`, whose result would be negative.
  return WRITE * 2 ** DIRECTION_SHIFT + TAG_BYTES * 2 ** SIZE_SHIFT + PAPR_TYPE * 2 ** TYPE_SHIFT + number;
}
