import type { Logger } from '../base/log.js';
import { FirmwareTrace } from '../rtas/index.js';
import type { DumpSource } from '../source/index.js';
import { openSimSource } from '../source/index.js';
import { CommandError, EXIT } from './exit-status.js';
import type { Settings, SourceName } from './option-table.js';

/** Sources that this version can open. */
export type UsableSource = 'sim';

const TRY_SIM = '--source sim serves the dumps of a simulated hypervisor';

/** @throws CommandError with status `noFirmwareInterface` */
export function chooseSource(name: SourceName): UsableSource {
  if (name === 'sim') return name;
  if (name === 'auto')
    throw new CommandError(
      EXIT.noFirmwareInterface,
      `no firmware interface for platform dumps on this machine that this version can use; ${TRY_SIM}`,
    );
  throw new CommandError(
    EXIT.noFirmwareInterface,
    `source ${name} is not available in this version; ${TRY_SIM}`,
  );
}

/** Simulated dumps are nobody's secret: for them the lockdown level may stay unknown. */
export function needsKnownLockdown(source: UsableSource): boolean {
  return !SIMULATED.has(source);
}

const SIMULATED: ReadonlySet<SourceName> = new Set(['sim']);

/** @throws Error with one line, for a directory or a description of dumps that cannot be used */
export function openSource(settings: Settings, log: Logger): DumpSource {
  if (settings.traceRtas !== undefined) checkTrace(settings.traceRtas);
  return openSimSource({
    ...(settings.simDir === undefined ? {} : { dir: settings.simDir }),
    ...(settings.traceRtas === undefined ? {} : { tracePath: settings.traceRtas }),
    dumps: settings.simDump,
    latencyUs: settings.simLatencyUs,
    discipline: settings.simDiscipline,
    log,
  });
}

/** Threads open the trace when they start: by then it is too late to tell the user. */
function checkTrace(path: string): void {
  try {
    new FirmwareTrace(path)[Symbol.dispose]();
  } catch (error) {
    throw new Error(`cannot write the trace of firmware calls: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
