import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  ERROR_LOG,
  PLATFORM_LOG,
  extractorWarning,
  feedFor,
  lookAtRtasErrd,
  processesNamed,
} from '../../announce/index.js';
import type { RtasErrd } from '../../announce/index.js';
import type { Settings } from '../options/option-table.js';
import type { UsableSource } from './firmware-checks.js';
import type { Finding } from './finding.js';

/** What else on this machine deals with dumps. @param root for tests */
export function checkOthers(source: UsableSource | undefined, root = '/'): Finding[] {
  const findings = [checkRtasErrd(lookAtRtasErrd(root))];
  const rival = source?.definition.rival;
  if (rival === undefined || processesNamed(rival.process, root).length === 0) return findings;
  const { process: check, finding, remedy } = rival;
  return [...findings, { check, status: 'warn', finding, remedy }];
}

function checkRtasErrd(rtasErrd: RtasErrd): Finding {
  const check = 'extract_platdump';
  const warning = extractorWarning(rtasErrd);
  if (warning !== undefined) return { check, status: 'warn', finding: warning };
  if (rtasErrd.extractor === 'ours')
    return { check, status: 'ok', finding: 'ours is in place: rtas_errd hands dumps to the mount' };
  const why = rtasErrd.isThere ? 'rtas_errd has no extract_platdump to run' : 'rtas_errd is not installed';
  return { check, status: 'ok', finding: `nothing destroys dumps: ${why}` };
}

/** Where a mount would hear of dumps, and whether it can. */
export function checkFeed(settings: Settings, source: UsableSource | undefined): Finding {
  const check = 'events';
  const { platformLog, errorLog = ERROR_LOG } = settings;
  const logPath = platformLog ?? PLATFORM_LOG;
  const { feed, why, warning } = feedFor(source?.abilities.lists === true, settings, lookAtRtasErrd());
  if (feed === 'off') return { check, status: 'note', finding: `nothing is listened to: ${why}` };
  const path = feed === 'log' ? logPath : errorLog;
  if (warning !== undefined)
    return { check, status: 'warn', finding: warning, remedy: 'stop one, or use --events=log' };
  const trouble = accessTrouble(path, constants.R_OK);
  if (trouble === undefined) return { check, status: 'ok', finding: `${path} is listened to: ${why}` };
  return { check, status: 'warn', finding: `${path} cannot be read now (${trouble})`, remedy: REMEDY[feed] };
}

const REMEDY = {
  log: 'start rtas_errd, which writes it; until then nothing is heard',
  proc: 'it needs root, and a kernel for IBM Power',
};

export function checkStateFile({ stateFile }: Settings): Finding {
  const check = 'state-file';
  if (stateFile === undefined)
    return {
      check,
      status: 'note',
      finding: 'none: after a restart tags have to be announced again (--state-file)',
    };
  const directory = dirname(stateFile);
  const trouble =
    accessTrouble(directory, constants.W_OK | constants.X_OK) ??
    (existsSync(stateFile) ? accessTrouble(stateFile, constants.R_OK) : undefined);
  if (trouble === undefined) return { check, status: 'ok', finding: `${stateFile} can be read and replaced` };
  return {
    check,
    status: 'warn',
    finding: `${stateFile} cannot be used (${trouble})`,
    remedy: `make ${directory} a directory that this user may write`,
  };
}

function accessTrouble(path: string, mode: number): string | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
