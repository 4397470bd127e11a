import { statfs } from 'node:fs/promises';
import type { Logger } from '../../base/log.js';
import { pageSize } from '../../base/page-size.js';
import type { Filesystem } from '../../fs/index.js';
import {
  checkMountpoint,
  clearStaleMounts,
  mountsAt,
  OWN_FSTYPE,
  resolveMountpoint,
  unmountOrDetach,
} from '../mount-table.js';
import type { Attachment, HandedDevice, MountOptions, Mounted, Mounter, Transport } from '../transport.js';
import { MountError } from '../transport.js';
import { canMountDirectly } from './can-mount.js';
import { isFuseDevice } from '../fuse-descriptor.js';
import { adoptedDevice, openDevice } from './device.js';
import { mountByHelper } from './fusermount.js';
import { HeldDirectory, moved } from './held-directory.js';
import type { KernelMountOptions, MountPlace } from './kernel-mount.js';
import { KernelMount } from './kernel-mount.js';
import { runMount } from './mount-program.js';
import { raiseReadAhead } from './read-ahead.js';
import { connectionOf } from './wake-reader.js';

/** Speaks the kernel's protocol over the FUSE device, without libfuse. */
export const kernelTransport: Transport = { name: 'kernel', mount, goOn };

async function mount(filesystem: Filesystem, options: MountOptions): Promise<Mounted> {
  const adopted = adoptedDevice(options.mountpoint);
  if (adopted !== undefined) return serve(filesystem, options, adopted, () => Promise.resolve());
  const { mountpoint } = options;
  // Whoever mounts for us has resolved the path: where an automount waits for us, we would wait for ourselves.
  const path = options.mounter === undefined ? await resolveMountpoint(mountpoint) : mountpoint;
  await clearStaleMounts(path, options.log);
  if (options.mounter === undefined && !canMountDirectly().ok) {
    await checkStays(mountpoint);
    return mountWithHelper(filesystem, options, mountpoint);
  }
  const mounter = options.mounter ?? ownMounter(options);
  return serve(filesystem, options, mounter.fd, async (mounted) => {
    const place = placeOf(await mounter.mount());
    mounted.place = place;
    // It goes the way of every mount that cannot be served.
    if (place.mountpoint !== mountpoint) throw new MountError(moved(mountpoint));
  });
}

function ownMounter(options: MountOptions): Mounter {
  const fd = openDevice();
  return { fd, mount: () => mountDevice(fd, options) };
}

/**
 * Mounts a FUSE device, which somebody serves already.
 *
 * @returns where it is now
 * @throws MountError
 */
export async function mountDevice(fd: number, options: Attachment): Promise<string> {
  await checkStays(options.mountpoint);
  using directory = new HeldDirectory(options.mountpoint);
  await runMount(fd, directory.fd, options);
  return directory.path;
}

async function checkStays(mountpoint: string): Promise<void> {
  if ((await checkMountpoint(mountpoint)) !== mountpoint) throw new MountError(moved(mountpoint));
}

/** For a user who may not mount: serves what is mounted already when its device is handed over. */
async function mountWithHelper(
  filesystem: Filesystem,
  options: MountOptions,
  mountpoint: string,
): Promise<Mounted> {
  const fd = await mountByHelper(mountpoint, options);
  const place = placeOf(mountpoint);
  try {
    return await serve(filesystem, options, fd, (mounted) => {
      mounted.place = place;
      return Promise.resolve();
    });
  } catch (error) {
    await unmountOrDetach(mountpoint, 0, options.log, { mountId: place.id });
    throw error;
  }
}

function placeOf(mountpoint: string): MountPlace {
  const entry = mountsAt(mountpoint).at(-1);
  return { mountpoint, id: entry?.id, connection: entry?.deviceMinor };
}

/**
 * Serves from before the device is mounted: the kernel may have questions already while it mounts (security labels).
 * Resolves when the kernel and we have agreed on a protocol.
 */
async function serve(
  filesystem: Filesystem,
  { log }: MountOptions,
  fd: number,
  attach: (mounted: KernelMount) => Promise<void>,
): Promise<Mounted> {
  const mounted = serveDevice({ fd, filesystem, pageBytes: pageSize(), log });
  try {
    await attach(mounted);
    const negotiation = await mounted.initialized();
    if (negotiation === undefined) throw new MountError('the kernel closed the connection while mounting');
    if (negotiation.kind === 'refused') throw new MountError(negotiation.why);
    mounted.lookAtOptions();
    raiseReadAhead(mounted.connection, log);
    return mounted;
  } catch (error) {
    await mounted.unmount(0);
    throw error;
  }
}

/** Whether a device is mounted where it was handed over: unmounted meanwhile, it is of no use. Asks nobody who may not answer. */
export function isStillMounted({ fd, mountpoint, mountId }: HandedDevice): boolean {
  const entry = mountsAt(mountpoint).at(-1);
  const isSame = entry?.id === mountId && entry.deviceMinor === (connectionOf(fd) ?? entry.deviceMinor);
  return isFuseDevice(fd) && isSame && entry.fstype === OWN_FSTYPE;
}

/** There is no second INIT: the kernel goes on as it agreed with the process before. */
async function goOn(filesystem: Filesystem, handed: HandedDevice, log: Logger): Promise<Mounted> {
  const { fd, mountpoint, mountId: id } = handed;
  const mounted = serveDevice({ fd, filesystem, pageBytes: pageSize(), log });
  const connection = connectionOf(fd) ?? mountsAt(mountpoint).at(-1)?.deviceMinor;
  await mounted.goOn({ mountpoint, id, connection });
  // Asked by the kernel, answered by us.
  const answered = statfs(mountpoint).then(
    () => true,
    () => false,
  );
  if (await Promise.race([answered, mounted.ended.then(() => false)])) return mounted;
  throw new MountError(`the mount at ${mountpoint} ended before this process could go on with it`);
}

function serveDevice(options: KernelMountOptions): KernelMount {
  try {
    return new KernelMount(options);
  } catch (error) {
    throw new MountError((error as Error).message, { cause: error });
  }
}
