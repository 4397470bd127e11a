import { pageSize } from '../../base/page-size.js';
import type { Filesystem } from '../../fs/index.js';
import { checkMountpoint, clearStaleMounts, mountsAt, resolveMountpoint } from '../mount-table.js';
import type { MountOptions, Mounted, Transport } from '../transport.js';
import { MountError } from '../transport.js';
import { adoptedDevice, openDevice } from './device.js';
import type { KernelMountOptions } from './kernel-mount.js';
import { KernelMount } from './kernel-mount.js';
import { runMount } from './mount-command.js';
import { raiseReadAhead } from './read-ahead.js';

/** Speaks the kernel's protocol over the FUSE device, without a native library. */
export const kernelTransport: Transport = { name: 'kernel', mount };

async function mount(filesystem: Filesystem, options: MountOptions): Promise<Mounted> {
  const adopted = adoptedDevice(options.mountpoint);
  if (adopted !== undefined) return serve(filesystem, options, adopted, () => Promise.resolve());
  await clearStaleMounts(await resolveMountpoint(options.mountpoint), options.log);
  const mountpoint = await checkMountpoint(options.mountpoint);
  const fd = openDevice();
  return serve(filesystem, options, fd, async (mounted) => {
    await runMount(fd, mountpoint, options);
    const entry = mountsAt(mountpoint).at(-1);
    mounted.place = { mountpoint, id: entry?.id, connection: entry?.deviceMinor };
  });
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
