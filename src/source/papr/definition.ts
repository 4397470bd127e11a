import { accessSync, constants } from 'node:fs';
import type { Remedied, SourceDefinition } from '../source-definition.js';
import { PAPR_DEVICE_PATH } from './papr-device.js';
import { openPaprSource, paprAbsence } from './papr-source.js';

/** Opening the source does not open the device. */
function deviceTrouble(): Remedied | undefined {
  try {
    accessSync(PAPR_DEVICE_PATH, constants.R_OK);
    return undefined;
  } catch (error) {
    return {
      finding: `${PAPR_DEVICE_PATH} cannot be opened: ${(error as NodeJS.ErrnoException).code}`,
      remedy: 'run as root, in a container allow the device',
    };
  }
}

export const papr = {
  name: 'papr',
  options: {},
  isReal: true,
  needsKoffi: true,
  absence: () => paprAbsence(),
  presence: () => `${PAPR_DEVICE_PATH} is there`,
  trouble: deviceTrouble,
  open: (_, { traceChannel }) => openPaprSource({ traceChannel }),
} as const satisfies SourceDefinition;
