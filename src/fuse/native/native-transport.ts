import type { Transport } from '../transport.js';

/** Through libfuse 2 and the optional package `fuse-native`: mounts for users other than root as well. */
export const fuseNativeTransport: Transport = {
  name: 'fuse-native',
  mount: async (filesystem, options) => {
    // Its twenty files would be loaded by everybody else's mount as well, for a fifteenth of the time until it is ready.
    const { mountNatively } = await import('./native-mount.js');
    return mountNatively(filesystem, options);
  },
};
