import { pageSize } from '../../base/page-size.js';
import type { Filesystem } from '../../fs/index.js';
import {
  checkMountpoint,
  clearStaleMounts,
  mountsAt,
  resolveMountpoint,
  unmountOrDetach,
} from '../mount-table.js';
import type { Attachment, MountOptions, Mounted, Mounter, Transport } from '../transport.js';
import { MountError } from '../transport.js';
import { canMountDirectly } from './can-mount.js';
import { adoptedDevice, openDevice } from './device.js';
import { mountByHelper } from './fusermount.js';
import { HeldDirectory, moved } from './held-directory.js';
import type { KernelMountOptions, MountPlace } from './kernel-mount.js';
import { KernelMount } from './kernel-mount.js';
import { runMount } from './mount-program.js';
import { raiseReadAhead } from './read-ahead.js';

/** Speaks the kernel's protocol over the FUSE device, without libfuse. */
export const kernelTransport: Transport = { name: 'kernel', mount };

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

function serveDevice(options: KernelMountOptions): KernelMount {
  try {
    return new KernelMount(options);
  } catch (error) {
    throw new MountError((error as Error).message, { cause: error });
  }
}
