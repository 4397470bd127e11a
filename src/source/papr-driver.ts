import { FirmwareTrace, KernelPaprDevice, preloadLibc } from '../rtas/index.js';
import { atThreadEnd } from './at-thread-end.js';
import { paprDriver } from './papr-cursor.js';
import type { CreateDriver } from './source.js';
import { TracedPaprDevice } from './traced-ports.js';

/** What a pump thread is told about the device. */
export interface PaprDriverData {
  readonly devicePath: string;
  readonly tracePath: string | undefined;
}

/** Entry of source `papr` in a pump thread. */
export const createDriver: CreateDriver = (data) => {
  const { devicePath, tracePath } = data as PaprDriverData;
  preloadLibc();
  const kernel = new KernelPaprDevice(devicePath);
  const device =
    tracePath === undefined ? kernel : new TracedPaprDevice(kernel, new FirmwareTrace(tracePath));
  atThreadEnd(device);
  return paprDriver(device);
};
