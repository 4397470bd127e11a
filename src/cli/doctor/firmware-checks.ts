import { accessSync, constants } from 'node:fs';
import { loadKoffi } from '../../base/koffi.js';
import { silentLogger } from '../../base/log.js';
import { findLibrtas, prefersDevice, PAPR_DEVICE_PATH } from '../../source/index.js';
import { OPAL_DIRECTORY, REAL_SOURCES, absenceOf } from '../../source/index.js';
import type { RealSourceName } from '../../source/index.js';
import { CommandError, EXIT } from '../exit-status.js';
import type { Settings } from '../options/option-table.js';
import type { ChosenSource } from '../select-source.js';
import { TRY_SIM, chooseSource, openSource } from '../select-source.js';
import type { Finding } from './finding.js';
import { reasonOf } from './finding.js';

/** Oldest Node.js that the program is tested with. */
const OLDEST_NODE = [20, 19] as const;

/** What a mount could read dumps from. */
export interface UsableSource {
  readonly name: ChosenSource['name'];
  readonly resumable: boolean;
}

export function checkNode(version: string = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldest, oldestMinor] = OLDEST_NODE;
  const isOld = major < oldest || (major === oldest && minor < oldestMinor);
  const finding = `Node.js ${version} on ${process.platform}-${process.arch}`;
  if (!isOld) return { check: 'node', status: 'ok', finding };
  return {
    check: 'node',
    status: 'fail',
    finding,
    remedy: `install Node.js ${OLDEST_NODE.join('.')} or later`,
  };
}

/** Which firmware interfaces are there, and whether the wanted one can be opened. */
export async function checkSources(
  settings: Settings,
): Promise<{ readonly findings: readonly Finding[]; readonly source?: UsableSource }> {
  const findings: Finding[] = REAL_SOURCES.map((name) => checkPresence(name, settings));
  findings.push({ check: 'source-sim', status: 'ok', finding: 'the simulated hypervisor works everywhere' });
  const chosen = choose(settings);
  findings.push(checkKoffi(chosen));
  if (chosen === undefined) {
    const wanted = settings.source === 'auto' ? '' : ` ${settings.source}`;
    const finding = `no firmware interface${wanted} for platform dumps on this machine`;
    findings.push({
      check: 'source',
      status: 'fail',
      finding,
      remedy: TRY_SIM,
      exitStatus: EXIT.noFirmwareInterface,
    });
    return { findings };
  }
  try {
    await using source = openSource(chosen, settings, silentLogger);
    findings.push(
      paprAccess(chosen) ?? { check: 'source', status: 'ok', finding: `a mount would use ${source.name}` },
    );
    return { findings, source: { name: source.name, resumable: source.resumable } };
  } catch (error) {
    const status = error instanceof CommandError ? { exitStatus: error.status as typeof EXIT.failed } : {};
    findings.push({ check: 'source', status: 'fail', finding: reasonOf(error), ...status });
    return { findings };
  }
}

function choose(settings: Settings): ChosenSource | undefined {
  try {
    return chooseSource(settings.source, settings);
  } catch {
    // The reasons have been given, one by one.
    return undefined;
  }
}

function checkPresence(name: RealSourceName, { opalDir }: Settings): Finding {
  const check = `source-${name}`;
  const absence = absenceOf(name, { opalDir });
  if (absence !== undefined) return { check, status: 'note', finding: `not there: ${absence}` };
  return { check, status: 'ok', finding: PLACE_OF[name]({ opalDir }) };
}

const PLACE_OF: Record<RealSourceName, (places: Pick<Settings, 'opalDir'>) => string> = {
  papr: () => `${PAPR_DEVICE_PATH} is there`,
  librtas: () => {
    const path = findLibrtas();
    const style =
      path !== undefined && prefersDevice(path) ? 'would use the device' : 'makes the raw system call';
    return `${path} is there; it ${style}, needs /dev/mem, and reads nothing at lockdown integrity`;
  },
  opal: ({ opalDir = OPAL_DIRECTORY }) => `${opalDir} is there`,
};

function checkKoffi(chosen: ChosenSource | undefined): Finding {
  const isNeeded = chosen?.name === 'papr' || chosen?.name === 'librtas';
  try {
    loadKoffi();
    return { check: 'koffi', status: 'ok', finding: 'the npm package koffi loads' };
  } catch (error) {
    return { check: 'koffi', status: isNeeded ? 'fail' : 'note', finding: reasonOf(error) };
  }
}

/** Opening the source does not open the device: a mount would come about and read nothing. */
function paprAccess({ name }: ChosenSource): Finding | undefined {
  if (name !== 'papr') return undefined;
  try {
    accessSync(PAPR_DEVICE_PATH, constants.R_OK);
    return undefined;
  } catch (error) {
    const finding = `${PAPR_DEVICE_PATH} cannot be opened: ${(error as NodeJS.ErrnoException).code}`;
    return {
      check: 'source',
      status: 'fail',
      finding,
      remedy: 'run as root, in a container allow the device',
    };
  }
}
