import { FirmwareTrace } from '../../rtas/index.js';
import { InstalledLibrtas } from './librtas-port.js';
import { librtasDriver } from './librtas-cursor.js';
import { guardedAgainstRestart } from './restart-guard.js';
import type { CreateDriver, DumpDriver } from '../source.js';
import { tracedLibrtas } from '../traced-ports.js';

/** What a hand is told about librtas. */
export interface LibrtasDriverData {
  readonly libraryPath: string;
  readonly traceChannel: string | undefined;
  /** The library is to be used by one thread at a time. */
  readonly lock: SharedArrayBuffer;
}

/** Entry of source `librtas` in a hand. */
export const createDriver: CreateDriver = (data) => {
  const { libraryPath, traceChannel, lock } = data as LibrtasDriverData;
  const installed = new InstalledLibrtas(libraryPath, lock);
  const trace = traceChannel === undefined ? undefined : new FirmwareTrace(traceChannel);
  const driverAt = (offset: number, detail: unknown): DumpDriver => {
    const port = trace === undefined ? installed : tracedLibrtas(installed, trace, offset);
    return librtasDriver(guardedAgainstRestart(port, detail as SharedArrayBuffer));
  };
  return {
    trace,
    open: (tag, from, detail, offset = 0) => driverAt(offset, detail).open(tag, from, detail),
    carryOn: (tag, state, detail, offset) => driverAt(offset, detail).carryOn(tag, state, detail, offset),
  };
};
