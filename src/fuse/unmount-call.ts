import { loadKoffi } from '../base/koffi.js';

// linux/fs.h
const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

/**
 * umount2(2) by this process, for when no program can be started that does it.
 *
 * @returns whether it is unmounted; false also without koffi, or without the capability
 */
export function unmountByCall(mountpoint: string, lazy: boolean): boolean {
  try {
    const umount2 = loadKoffi().load('libc.so.6').func('umount2', 'int', ['str', 'int']);
    return umount2(mountpoint, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) === 0;
  } catch {
    return false;
  }
}
