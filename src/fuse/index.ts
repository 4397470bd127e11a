export * from './transport.js';
export { canMountDirectly } from './kernel/can-mount.js';
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
export { selectTransport } from './select.js';
