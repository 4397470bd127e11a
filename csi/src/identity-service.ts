import { DRIVER } from './settings.js';
import { version } from './version.js';

/** No CONTROLLER_SERVICE: dumps are where they are. Ready also without a daemon: a pod that waits for one is told why. */
export const identityService = {
  GetPluginInfo: () => ({ name: DRIVER, vendor_version: version }),
  GetPluginCapabilities: () => ({ capabilities: [] }),
  Probe: () => ({ ready: { value: true } }),
};
