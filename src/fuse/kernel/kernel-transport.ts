import { pageSize } from '../../base/page-size.js';
import type { Filesystem } from '../../fs/index.js';
import {
  checkMountpoint,
  clearStaleMounts,
  mountsAt,
  resolveMountpoint,
  unmountOrDetach,
} from '../mount-table.js';
import type { MountOptions, Mounted, Transport } from '../transport.js';
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
  await clearStaleMounts(await resolveMountpoint(mountpoint), options.log);
  const found = await checkMountpoint(mountpoint);
  if (found !== mountpoint) throw new MountError(moved(mountpoint));
  if (!canMountDirectly().ok) return mountWithHelper(filesystem, options, mountpoint);
  using directory = new HeldDirectory(mountpoint);
  const fd = openDevice();
  return await serve(filesystem, options, fd, async (mounted) => {
    await runMount(fd, directory.fd, options);
    const place = placeOf(directory.path);
    mounted.place = place;
    // It goes the way of every mount that cannot be served.
    if (place.mountpoint !== mountpoint) throw new MountError(moved(mountpoint));
  });
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
