import type { Logger } from '../base/log.js';
import type { AnySource, DumpSource } from '../source/index.js';
import { SOURCES, SourceUnavailable } from '../source/index.js';
import { CommandError, EXIT } from './exit-status.js';
import type { Settings } from './options/option-table.js';

export const TRY_SIM = '--source sim serves the dumps of a simulated hypervisor';

/** Where dumps come from, and why from there. */
export interface ChosenSource {
  readonly source: AnySource;
  /** Absent sources that were passed over, with the reason; empty where the user named one. */
  readonly passedOver: Readonly<Record<string, string>>;
}

/**
 * Looks at files only; opening the source may still fail.
 *
 * @param name a value of `--source`
 * @throws CommandError with status `noFirmwareInterface`
 */
export function chooseSource(name: string, settings: Settings): ChosenSource {
  const passedOver: Record<string, string> = {};
  for (const source of SOURCES) {
    if (name === 'auto' ? !source.isReal : source.name !== name) continue;
    const absence = source.absence(settings);
    if (absence === undefined) return { source, passedOver };
    if (name !== 'auto') throw notAvailable(source, absence);
    passedOver[source.name] = absence;
  }
  const reasons = Object.entries(passedOver).map(([source, reason]) => `${source}: ${reason}`);
  throw noInterface(`no firmware interface for platform dumps on this machine (${reasons.join('; ')})`);
}

/**
 * @throws CommandError with status `noFirmwareInterface`
 * @throws Error with one line, for a directory or a description of dumps that cannot be used
 */
export function openSource(
  source: AnySource,
  settings: Settings,
  log: Logger,
  traceChannel?: string,
): DumpSource {
  try {
    return source.open(settings, { traceChannel, log });
  } catch (error) {
    if (error instanceof SourceUnavailable) throw notAvailable(source, error.message);
    throw error;
  }
}

function notAvailable({ name }: AnySource, reason: string): CommandError {
  return noInterface(`source ${name} is not available: ${reason}`);
}

function noInterface(message: string): CommandError {
  return new CommandError(EXIT.noFirmwareInterface, `${message}; ${TRY_SIM}`);
}
