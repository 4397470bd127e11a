import type { MountOptions } from '../transport.js';
import { MountError } from '../transport.js';
import type { FuseAddon } from './addon.js';
import type { Callbacks } from './callbacks.js';
import { FuseDevice, fuseDescriptors } from './fuse-device.js';
import { mountFailure } from './mount-failure.js';
import { nativeMountOptions } from './mount-options.js';

/** What libfuse mounted, and serves with its own threads. */
export interface LibfuseMount {
  readonly device: FuseDevice;
  /** Lets the event loop end. */
  release(): void;
}

// libfuse's threads use this memory beyond the end of a mount, and nobody says for how long.
const threadMemory: Buffer[] = [];

/** Mounts, and finds the descriptor that libfuse has opened for it: nothing else runs in between. @throws MountError */
export function mountWithLibfuse(
  addon: FuseAddon,
  options: MountOptions,
  callbacks: Callbacks,
): LibfuseMount {
  const { mountpoint } = options;
  const text = nativeMountOptions(options);
  const thread = Buffer.alloc(addon.sizeof_fuse_thread_t);
  threadMemory.push(thread);
  const release = (): void => addon.fuse_native_unmount(mountpoint, thread);
  const before = new Set(fuseDescriptors());
  try {
    const { functions, implemented } = callbacks;
    addon.fuse_native_mount(mountpoint, text, thread, {}, allocate, functions, implemented);
  } catch (error) {
    release();
    throw mountFailure(options, error);
  }
  const descriptor = fuseDescriptors().find((fd) => !before.has(fd));
  if (descriptor === undefined) throw new MountError(`libfuse opened no FUSE device for ${mountpoint}`);
  const device = new FuseDevice(descriptor);
  return {
    device,
    release: () => {
      device.release();
      release();
    },
  };
}

/** Memory for a worker thread of libfuse; the addon holds on to it. */
function allocate(sizeBytes: number): Buffer {
  return Buffer.alloc(sizeBytes);
}
