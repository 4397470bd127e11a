export { preloadLibc } from './libc.js';
export { findLibrtas, prefersDevice } from './librtas-library.js';
export { InstalledLibrtas } from './librtas-port.js';
export { KernelPaprDevice, PAPR_DEVICE_PATH } from './papr-device.js';
export { CREATE_HANDLE, INVALIDATE } from './papr-ioctl.js';
export { describeHolders, paprHolders } from './papr-holders.js';
export { ProcessLock } from './process-lock.js';
