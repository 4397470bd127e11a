import type { Logger } from '../base/log.js';
import { checkTraceFile } from '../rtas/index.js';
import type { DumpSource, RealSourceName } from '../source/index.js';
import {
  SourceUnavailable,
  absenceOf,
  findRealSource,
  openLibrtasSource,
  openOpalSource,
  openPaprSource,
  openSimSource,
} from '../source/index.js';
import { CommandError, EXIT } from './exit-status.js';
import type { Settings, SourceName } from './options/option-table.js';

export const TRY_SIM = '--source sim serves the dumps of a simulated hypervisor';

/** Where dumps come from, and why from there. */
export interface ChosenSource {
  readonly name: RealSourceName | 'sim';
  /** Absent sources that were passed over, with the reason; empty where the user named one. */
  readonly passedOver: Readonly<Partial<Record<RealSourceName, string>>>;
}

/**
 * Looks at files only; opening the source may still fail.
 *
 * @throws CommandError with status `noFirmwareInterface`
 */
export function chooseSource(name: SourceName, { opalDir }: Settings): ChosenSource {
  if (name === 'sim') return { name, passedOver: {} };
  if (name === 'auto') return chooseFirst(opalDir);
  const absence = absenceOf(name, { opalDir });
  if (absence !== undefined) throw noInterface(`source ${name} is not available: ${absence}`);
  return { name, passedOver: {} };
}

function chooseFirst(opalDir: string | undefined): ChosenSource {
  const { name, absent } = findRealSource({ opalDir });
  if (name !== undefined) return { name, passedOver: absent };
  const reasons = Object.entries(absent).map(([source, reason]) => `${source}: ${reason}`);
  throw noInterface(`no firmware interface for platform dumps on this machine (${reasons.join('; ')})`);
}

function noInterface(message: string): CommandError {
  return new CommandError(EXIT.noFirmwareInterface, `${message}; ${TRY_SIM}`);
}

/** Simulated dumps are nobody's secret: for them the lockdown level may stay unknown. */
export function needsKnownLockdown(source: Pick<ChosenSource, 'name'>): boolean {
  return source.name !== 'sim';
}

/**
 * @throws CommandError with status `noFirmwareInterface`
 * @throws Error with one line, for a directory or a description of dumps that cannot be used
 */
export function openSource(source: ChosenSource, settings: Settings, log: Logger): DumpSource {
  if (settings.traceRtas !== undefined) checkTrace(settings.traceRtas);
  try {
    return openNamed(source.name, settings, log);
  } catch (error) {
    if (error instanceof SourceUnavailable)
      throw noInterface(`source ${source.name} is not available: ${error.message}`);
    throw error;
  }
}

function openNamed(name: ChosenSource['name'], settings: Settings, log: Logger): DumpSource {
  const { traceRtas: tracePath } = settings;
  switch (name) {
    case 'papr':
      return openPaprSource({ tracePath });
    case 'librtas':
      return openLibrtasSource({ tracePath });
    case 'opal':
      return openOpalSource({ dir: settings.opalDir, tracePath, log });
    case 'sim':
      return openSim(settings, log);
  }
}

function openSim(settings: Settings, log: Logger): DumpSource {
  return openSimSource({
    dir: settings.simDir,
    tracePath: settings.traceRtas,
    dumps: settings.simDump,
    latencyUs: settings.simLatencyUs,
    discipline: settings.simDiscipline,
    log,
  });
}

/** Threads open the trace when they first need it: by then it is too late to tell the user. */
function checkTrace(path: string): void {
  try {
    checkTraceFile(path);
  } catch (error) {
    throw new Error(`cannot write the trace of firmware calls: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
