import { readSync } from 'node:fs';
import { constants } from 'node:os';
import { errnoName } from './errno.js';
import { loadKoffi } from './koffi.js';

/** A system call's errno, nothing interpreted. `code` is the errno name, as in Node's own errors. */
export interface SystemCallError extends Error {
  readonly code: string;
}

type Ioctl = (fd: number, request: number, argument: BigUint64Array) => number;

interface Libc {
  readonly ioctl: Ioctl;
  readonly close: (fd: number) => number;
  readonly syscall: (...words: readonly number[]) => number;
  /** errno of this thread, in the very place where the C library keeps it. */
  readonly errno: Int32Array;
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

/**
 * `koffi.errno()` is a call of its own. Before it the engine may collect garbage or throw compiled code away, for which
 * it calls the C library, too. So errno is read as memory, by the statement that follows the system call: between a
 * function's return and that statement koffi (call.cc, TranslateNormalCall) makes no call that could set it, and the
 * engine none at all.
 */
function loadLibc(): Libc {
  const koffi = loadKoffi();
  const library = koffi.load('libc.so.6');
  const location = library.func('__errno_location', 'void *', []) as () => unknown;
  return {
    // Declared with fixed arguments: on the 64-bit ABIs of Linux these travel like variable ones.
    ioctl: library.func('ioctl', 'int', ['int', 'unsigned long', 'uint64_t *']) as Ioctl,
    close: library.func('close', 'int', ['int']) as Libc['close'],
    syscall: library.func('syscall', 'long', Array<string>(4).fill('long')) as Libc['syscall'],
    errno: new Int32Array(koffi.view(location(), Int32Array.BYTES_PER_ELEMENT)),
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
  const { ioctl, errno } = libc();
  const result = ioctl(fd, request, new BigUint64Array([word]));
  const reason = errno[0];
  if (result >= 0) return result;
  throw systemCallError(reason, what);
}

/**
 * A system call that the C library may have no function for.
 *
 * @returns what it returned, not negative
 * @throws SystemCallError
 */
export function systemCall(number: number, words: readonly [number, number, number], what: string): number {
  const { syscall, errno } = libc();
  const result = syscall(number, ...words);
  const reason = errno[0];
  if (result >= 0) return result;
  throw systemCallError(reason, what);
}

/**
 * read(2) at the descriptor's own position. Node's own, which takes errno in the same native call: what an error says of
 * a dump decides whether a chunk was lost. It costs 0.4 us more than by koffi.
 *
 * @returns bytes read
 * @throws SystemCallError
 */
export function readDescriptor(fd: number, into: Uint8Array, length: number): number {
  for (;;) {
    try {
      return readSync(fd, into, 0, length, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINTR') throw error;
    }
  }
}

/** close(2) for a descriptor that Node did not open: a thread's own close would warn about it. */
export function closeDescriptor(fd: number): void {
  const { close, errno } = libc();
  const result = close(fd);
  const reason = errno[0];
  if (result < 0) throw systemCallError(reason, `cannot close descriptor ${fd}`);
}

function systemCallError(errno = 0, what: string): SystemCallError {
  const code = Object.values(constants.errno).includes(errno) ? errnoName(errno) : `errno ${errno}`;
  return Object.assign(new Error(`${code}: ${what}`), { code, errno: -errno });
}
