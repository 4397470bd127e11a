export * from './transport.js';
export { canMountDirectly } from './kernel/can-mount.js';
export { openDevice, whyNoDevice } from './kernel/device.js';
export { remount } from './kernel/mount-program.js';
export { isStillMounted, mountDevice } from './kernel/kernel-transport.js';
export { connectionOf, mountpointOf } from './kernel/wake-reader.js';
export {
  checkMountpoint,
  mountsAt,
  OWN_FSTYPE,
  ownMounts,
  resolveMountpoint,
  unmountOrDetach,
} from './mount-table.js';
export { probeMount } from './mount-probe.js';
export { loadFuseNative } from './native/addon.js';
export { userMayAllowOther } from './native/mount-failure.js';
export { kernelUsable, selectTransport } from './choose-transport.js';
