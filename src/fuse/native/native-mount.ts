import type { Filesystem } from '../../fs/index.js';
import { checkMountpoint, clearStaleMounts, mountsAt, unmountOrDetach } from '../mount-table.js';
import type { Mounted, MountOptions } from '../transport.js';
import { MountError } from '../transport.js';
import type { FuseAddon } from './addon.js';
import { loadFuseNative } from './addon.js';
import { startSession } from './session.js';

const MAX_MOUNTPOINT_BYTES = 1000;

/** @throws MountError */
export async function mountNatively(filesystem: Filesystem, options: MountOptions): Promise<Mounted> {
  const loaded = loadFuseNative();
  if (!loaded.ok) throw new MountError(`the fuse-native transport cannot be used: ${loaded.why}`);
  if (options.mountpoint.startsWith('/dev/fd/')) {
    throw new MountError(
      `${options.mountpoint} is mounted already: only --transport=kernel serves such a descriptor`,
    );
  }
  const mountpoint = await checkMountpoint(options.mountpoint);
  if (Buffer.byteLength(mountpoint) > MAX_MOUNTPOINT_BYTES) {
    throw new MountError(`mount point ${mountpoint} is longer than ${MAX_MOUNTPOINT_BYTES} bytes`);
  }
  await clearStaleMounts(mountpoint, options.log);
  return start(loaded.addon, filesystem, { ...options, mountpoint });
}

async function start(addon: FuseAddon, filesystem: Filesystem, options: MountOptions): Promise<Mounted> {
  const { mountpoint, log } = options;
  const before = mountsAt(mountpoint).length;
  try {
    const session = startSession(addon, filesystem, options);
    if (await session.ready) return session;
    throw new MountError(`the connection ended while ${mountpoint} was being mounted`);
  } catch (error) {
    // libfuse mounts first and looks at the rest of its options afterwards.
    if (mountsAt(mountpoint).length > before) await unmountOrDetach(mountpoint, 0, log);
    throw error;
  }
}
