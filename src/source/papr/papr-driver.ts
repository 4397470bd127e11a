import { FirmwareTrace } from '../../rtas/index.js';
import { KernelPaprDevice } from './papr-device.js';
import { preloadLibc } from '../../base/libc.js';
import { paprDriver } from './papr-cursor.js';
import type { CreateDriver } from '../source.js';
import { TracedPaprDevice } from '../traced-ports.js';

/** What a hand is told about the device. */
export interface PaprDriverData {
  readonly devicePath: string;
  readonly traceChannel: string | undefined;
}

/** Entry of source `papr` in a hand. */
export const createDriver: CreateDriver = (data) => {
  const { devicePath, traceChannel } = data as PaprDriverData;
  preloadLibc();
  const kernel = new KernelPaprDevice(devicePath);
  if (traceChannel === undefined) return paprDriver(kernel);
  const trace = new FirmwareTrace(traceChannel);
  const device = new TracedPaprDevice(kernel, trace);
  const driver = paprDriver(device);
  return {
    trace,
    open: (...args) => driver.open(...args),
    carryOn(tag, state, detail, offset) {
      if (state.handle !== undefined) device.adopt(state.handle, tag, offset);
      return driver.carryOn(tag, state, detail, offset);
    },
  };
};
