import { FirmwareTrace } from '../../rtas/index.js';
import type { DumpFacts, MachineSpec } from './index.js';
import { SimFirmware, SimPaprDevice, simLibrtasPort } from './index.js';
import { librtasDriver } from '../librtas/librtas-cursor.js';
import { paprDriver } from '../papr/papr-cursor.js';
import type { CreateDriver, CursorStep, DumpCursor, DumpDriver, PassState } from '../source.js';

/** Entry of the simulated source in a worker thread. */
export const createDriver: CreateDriver = (data): DumpDriver => {
  const machine = data as MachineSpec;
  const trace = machine.traceChannel === undefined ? undefined : new FirmwareTrace(machine.traceChannel);
  const begin = (detail: unknown, cursorOn: (layer: Layer) => DumpCursor): DumpCursor => {
    const facts = detail as DumpFacts;
    const firmware = new SimFirmware(machine, trace);
    firmware.present(facts);
    try {
      return new SimCursor(firmware, cursorOn(layerAbove(machine, firmware, facts)));
    } catch (thrown) {
      firmware[Symbol.dispose]();
      throw thrown;
    }
  };
  return {
    trace,
    open: (tag, from, detail) => begin(detail, ({ driver }) => driver.open(tag, from, detail)),
    carryOn: (tag, state, detail, offset) =>
      begin(detail, ({ driver, device }) =>
        driver.carryOn(tag, { ...state, handle: device?.adopt(tag) }, detail, offset),
      ),
  };
};

interface Layer {
  readonly driver: DumpDriver;
  /** Absent: passes keep no handle. */
  readonly device?: SimPaprDevice;
}

/** What stands between firmware and a program on the simulated machine. */
function layerAbove(machine: MachineSpec, firmware: SimFirmware, facts: DumpFacts): Layer {
  if (machine.discipline === 'librtas') return { driver: librtasDriver(simLibrtasPort(firmware)) };
  const device = new SimPaprDevice(firmware, machine.memory, () => facts.handle);
  return { driver: paprDriver(device), device };
}

/** A cursor with what its thread has open of the simulated firmware. */
class SimCursor implements DumpCursor {
  readonly #firmware: SimFirmware;
  readonly #cursor: DumpCursor;

  constructor(firmware: SimFirmware, cursor: DumpCursor) {
    this.#firmware = firmware;
    this.#cursor = cursor;
  }

  get state(): PassState {
    return this.#cursor.state;
  }

  read(into: Uint8Array): CursorStep {
    return this.#cursor.read(into);
  }

  invalidate(): void {
    this.#cursor.invalidate();
  }

  close(): void {
    this.#cursor.close();
    this.leave();
  }

  leave(): void {
    this.#firmware[Symbol.dispose]();
  }
}
