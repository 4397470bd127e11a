import { allowedAt } from '../../lockdown/index.js';
import { PAPR_DEVICE_PATH } from '../papr/papr-device.js';
import type { IntegrityEffect, SourceDefinition } from '../source-definition.js';
import { findLibrtas, prefersDevice } from './librtas-library.js';
import { librtasAbsence, openLibrtasSource } from './librtas-source.js';

function librtasPresence(): string {
  const path = findLibrtas();
  const style = usesDevice() ? 'would use the device' : 'makes the raw system call';
  return `${path} is there; it ${style}, needs /dev/mem, and reads nothing at lockdown integrity`;
}

/** Of all that dumps come from, only the memory of the machine is closed at integrity. */
export function librtasAtIntegrity(throughDevice = usesDevice()): IntegrityEffect {
  if (throughDevice) return { works: true, text: `librtas goes through ${PAPR_DEVICE_PATH} and works` };
  return {
    works: allowedAt('integrity').physicalMemory,
    text: `librtas cannot read dumps, since /dev/mem is closed: a kernel with ${PAPR_DEVICE_PATH} can (--source papr)`,
  };
}

function usesDevice(): boolean {
  const library = findLibrtas();
  return library !== undefined && prefersDevice(library);
}

export const librtas = {
  name: 'librtas',
  options: {},
  isReal: true,
  needsKoffi: true,
  absence: () => librtasAbsence(),
  presence: librtasPresence,
  atIntegrity: () => librtasAtIntegrity(),
  open: (_, { traceChannel }) => openLibrtasSource({ traceChannel }),
} as const satisfies SourceDefinition;
