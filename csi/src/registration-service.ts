import { say } from './say.js';
import type { Methods } from './serve.js';
import { DRIVER } from './settings.js';

/** What kubelet says of a registration. */
interface RegistrationStatus {
  readonly plugin_registered: boolean;
  readonly error: string;
}

/** @param endpoint path of the CSI socket, as kubelet sees it @param onRefused kubelet does not take the driver */
export function registrationService(endpoint: string, onRefused: () => void): Methods {
  return {
    GetInfo: () => ({ type: 'CSIPlugin', name: DRIVER, endpoint, supported_versions: ['1.0.0'] }),
    NotifyRegistrationStatus: ({ plugin_registered: registered, error }: RegistrationStatus) => {
      say(registered ? 'kubelet has registered the driver' : `kubelet refuses the driver: ${error}`);
      if (!registered) onRefused();
      return {};
    },
  };
}
