import { fstatSync } from 'node:fs';

/** Character device 10:229, whatever it is called in /dev. @see Linux include/linux/miscdevice.h: FUSE_MINOR */
const FUSE_DEVICE = (10 << 8) | 229;

/** Whether a descriptor of this process is a FUSE device. */
export function isFuseDevice(fd: number): boolean {
  try {
    const stats = fstatSync(fd);
    return stats.isCharacterDevice() && stats.rdev === FUSE_DEVICE;
  } catch {
    return false;
  }
}
