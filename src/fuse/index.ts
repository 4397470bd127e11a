export * from './transport.js';
export { whyNoDevice } from './kernel/device.js';
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
