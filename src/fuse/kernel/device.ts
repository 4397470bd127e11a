import { accessSync, constants, fstatSync, openSync, readlinkSync } from 'node:fs';
import { isFuseDevice } from '../fuse-descriptor.js';
import { MountError } from '../transport.js';

const DEVICE_PATH = '/dev/fuse';

/** Opens a FUSE device, which is to be mounted next. @throws MountError */
export function openDevice(): number {
  try {
    return openSync(DEVICE_PATH, 'r+');
  } catch (error) {
    throw new MountError(`cannot open ${DEVICE_PATH}: ${whyNotOpen(error)}`, { cause: error });
  }
}

/** Why this process cannot open a FUSE device; undefined: it can. */
export function whyNoDevice(): string | undefined {
  try {
    accessSync(DEVICE_PATH, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return `${DEVICE_PATH}: ${whyNotOpen(error)}`;
  }
}

/** What keeps the device from being opened, and what to do about it. */
function whyNotOpen(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  if (code === 'ENOENT')
    return `it does not exist: run modprobe fuse, in a container pass the device (--device ${DEVICE_PATH})`;
  if (code === 'ENODEV' || code === 'ENXIO') return 'the kernel has no FUSE: run modprobe fuse';
  if (code === 'EACCES' || code === 'EPERM') {
    return `${code}: run as root, in a container allow the device (--device ${DEVICE_PATH})`;
  }
  return code;
}

/** The descriptor that a mount point of the form `/dev/fd/N` stands for. @throws MountError when it is no FUSE device */
export function adoptedDevice(mountpoint: string): number | undefined {
  const digits = /^\/dev\/fd\/(\d+)$/.exec(mountpoint)?.[1];
  if (digits === undefined) return undefined;
  const fd = Number(digits);
  try {
    fstatSync(fd);
  } catch (error) {
    throw new MountError(
      `${mountpoint} is not open: whoever starts us has to pass a FUSE device (podman run --preserve-fds)`,
      {
        cause: error,
      },
    );
  }
  if (isFuseDevice(fd)) return fd;
  // Node.js has descriptors of its own by now, with numbers that nobody took.
  throw new MountError(
    `${mountpoint} is not a FUSE device but ${readlinkSync(`/proc/self/fd/${fd}`)}: ` +
      'whoever starts us has to pass one under that number (podman run --preserve-fds)',
  );
}
