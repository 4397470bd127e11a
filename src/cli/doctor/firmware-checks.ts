import { loadKoffi } from '../../base/koffi.js';
import { silentLogger } from '../../base/log.js';
import type { AnySource, DumpSource } from '../../source/index.js';
import { SOURCES } from '../../source/index.js';
import { CommandError, EXIT } from '../exit-status.js';
import type { Settings } from '../options/option-table.js';
import { TRY_SIM, chooseSource, openSource } from '../select-source.js';
import type { Finding } from './finding.js';
import { reasonOf } from './finding.js';

/** Oldest Node.js that the program is tested with. */
const OLDEST_NODE = [20, 19] as const;

/** What a mount could read dumps from. */
export interface UsableSource {
  readonly definition: AnySource;
  readonly abilities: Pick<DumpSource, 'lists' | 'resumable'>;
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
  const findings = SOURCES.map((source) => checkPresence(source, settings));
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
    const trouble = chosen.trouble?.();
    findings.push(
      trouble === undefined
        ? { check: 'source', status: 'ok', finding: `a mount would use ${source.name}` }
        : { check: 'source', status: 'fail', ...trouble },
    );
    const { lists, resumable } = source;
    return { findings, source: { definition: chosen, abilities: { lists, resumable } } };
  } catch (error) {
    const status = error instanceof CommandError ? { exitStatus: error.status as typeof EXIT.failed } : {};
    findings.push({ check: 'source', status: 'fail', finding: reasonOf(error), ...status });
    return { findings };
  }
}

function choose(settings: Settings): AnySource | undefined {
  try {
    return chooseSource(settings.source, settings).source;
  } catch {
    // The reasons have been given, one by one.
    return undefined;
  }
}

function checkPresence(source: AnySource, settings: Settings): Finding {
  const check = `source-${source.name}`;
  const absence = source.absence(settings);
  if (absence !== undefined) return { check, status: 'note', finding: `not there: ${absence}` };
  return { check, status: 'ok', finding: source.presence(settings) };
}

function checkKoffi(chosen: AnySource | undefined): Finding {
  try {
    loadKoffi();
    return { check: 'koffi', status: 'ok', finding: 'the npm package koffi loads' };
  } catch (error) {
    return {
      check: 'koffi',
      status: chosen?.needsKoffi === true ? 'fail' : 'note',
      finding: reasonOf(error),
    };
  }
}
