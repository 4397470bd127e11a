import { FirmwareTrace } from '../rtas/index.js';
import type { DumpFacts, MachineSpec } from '../sim/index.js';
import { SimFirmware, SimPaprDevice, simLibrtasPort } from '../sim/index.js';
import { librtasDriver } from './librtas-cursor.js';
import { paprDriver } from './papr-cursor.js';
import type { CreateDriver, DumpCursor, DumpDriver } from './source.js';

/** Entry of the simulated source in a worker thread. */
export const createDriver: CreateDriver = (data): DumpDriver => {
  const machine = data as MachineSpec;
  const trace = machine.tracePath === undefined ? undefined : new FirmwareTrace(machine.tracePath);
  return {
    open(tag, from, detail): DumpCursor {
      const facts = detail as DumpFacts;
      const firmware = new SimFirmware(machine, trace);
      firmware.present(facts);
      try {
        return closingWith(firmware, layerAbove(machine, firmware, facts).open(tag, from, facts));
      } catch (thrown) {
        firmware[Symbol.dispose]();
        throw thrown;
      }
    },
  };
};

/** What stands between firmware and a program on the simulated machine. */
function layerAbove(machine: MachineSpec, firmware: SimFirmware, facts: DumpFacts): DumpDriver {
  if (machine.discipline === 'librtas') return librtasDriver(simLibrtasPort(firmware));
  return paprDriver(new SimPaprDevice(firmware, machine.memory, () => facts.handle));
}

function closingWith(firmware: SimFirmware, cursor: DumpCursor): DumpCursor {
  return {
    read: (into) => cursor.read(into),
    invalidate: () => cursor.invalidate(),
    close: () => {
      cursor.close();
      firmware[Symbol.dispose]();
    },
  };
}
