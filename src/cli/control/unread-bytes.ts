import type { Socket } from 'node:net';
import { loadKoffi } from '../../base/koffi.js';

type Ioctl = (fd: number, request: number, value: Int32Array) => number;

/** SIOCOUTQ. asm-generic/ioctls.h, arch/powerpc/include/uapi/asm/ioctls.h */
const REQUEST = process.arch === 'ppc64' ? 0x40047473 : 0x5411;

let ioctl: Ioctl | undefined;

/**
 * How much memory the kernel holds for what was written to a Unix socket and has not been read: 0 when all was read.
 *
 * @returns undefined where nobody can tell: without koffi, or when the socket is closed
 */
export function unreadBytes(socket: Socket): number | undefined {
  // Node.js shows the descriptor of a socket nowhere else.
  const fd = (socket as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd;
  if (fd === undefined || fd < 0) return undefined;
  try {
    // Declared with fixed arguments: on the 64-bit ABIs of Linux these travel like variable ones.
    ioctl ??= loadKoffi()
      .load('libc.so.6')
      .func('ioctl', 'int', ['int', 'unsigned long', '_Out_ int32_t *']) as Ioctl;
    const value = new Int32Array(1);
    return ioctl(fd, REQUEST, value) === 0 ? value[0] : undefined;
  } catch {
    return undefined;
  }
}
