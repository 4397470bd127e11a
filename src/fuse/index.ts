export * from './transport.js';
export { canMountDirectly } from './kernel/can-mount.js';
export { whyNoDevice } from './kernel/device.js';
export { kernelTransport } from './kernel/kernel-transport.js';
export type { MountEntry } from '../base/mountinfo.js';
export {
  checkMountpoint,
  clearStaleMounts,
  mountsAt,
  OWN_FSTYPE,
  ownMounts,
  resolveMountpoint,
  unmountOrDetach,
} from './mount-table.js';
export type { MountState } from './mount-probe.js';
export { probeMount } from './mount-probe.js';
export { loadFuseNative } from './native/addon.js';
export { fuseNativeTransport } from './native/transport.js';
export type { TransportChoice } from './select.js';
export { selectTransport } from './select.js';
