import { constants } from 'node:os';
import { errnoName } from '../../base/errno.js';
import type { SystemCallError } from '../ports.js';
import { loadKoffi } from './koffi.js';

type Ioctl = (fd: number, request: number, argument: BigUint64Array) => number;

interface Libc {
  readonly ioctl: Ioctl;
  readonly read: (fd: number, into: Uint8Array, length: number) => number;
  readonly close: (fd: number) => number;
}

let loaded: Libc | undefined;

function libc(): Libc {
  loaded ??= loadLibc();
  return loaded;
}

/**
 * Loads what the functions here need: a thread must not be ended while it does, so it does so before anything else. What
 * is wrong is said when it is needed.
 */
export function preloadLibc(): void {
  try {
    libc();
  } catch {
    // Every call will fail with it.
  }
}

function loadLibc(): Libc {
  const library = loadKoffi().load('libc.so.6');
  return {
    // Declared with fixed arguments: on the 64-bit ABIs of Linux these travel like variable ones.
    ioctl: library.func('ioctl', 'int', ['int', 'unsigned long', 'uint64_t *']) as Ioctl,
    read: library.func('read', 'long', ['int', 'void *', 'size_t']) as Libc['read'],
    close: library.func('close', 'int', ['int']) as Libc['close'],
  };
}

/**
 * ioctl(2) with a pointer to one 64-bit word in host byte order.
 *
 * @param request unsigned: bitwise operators of JavaScript yield a signed number for most of PowerPC's
 * @returns what the system call returned, not negative
 * @throws SystemCallError
 */
export function ioctlWord(fd: number, request: number, word: bigint, what: string): number {
  const result = libc().ioctl(fd, request, new BigUint64Array([word]));
  if (result >= 0) return result;
  throw systemCallError(loadKoffi().errno(), what);
}

/**
 * read(2) at the descriptor's own position. Once for every 4 KiB of a dump: by Node's readSync it takes 0.5 us more, and
 * 2 us more before that is compiled.
 *
 * @returns bytes read
 * @throws SystemCallError
 */
export function readDescriptor(fd: number, into: Uint8Array, length: number): number {
  for (;;) {
    const bytes = libc().read(fd, into, length);
    if (bytes >= 0) return bytes;
    const errno = loadKoffi().errno();
    if (errno !== constants.errno.EINTR) throw systemCallError(errno, 'read');
  }
}

/** close(2) for a descriptor that Node did not open: a thread's own close would warn about it. */
export function closeDescriptor(fd: number): void {
  if (libc().close(fd) < 0) throw systemCallError(loadKoffi().errno(), `cannot close descriptor ${fd}`);
}

function systemCallError(errno: number, what: string): SystemCallError {
  const code = Object.values(constants.errno).includes(errno) ? errnoName(errno) : `errno ${errno}`;
  return Object.assign(new Error(`${code}: ${what}`), { code, errno: -errno });
}
