import { resolve } from 'node:path';
import { checkFeed, checkOthers, checkStateFile } from './announcement-checks.js';
import { checkControlDirectory, checkDaemons } from './daemon-checks.js';
import type { Finding } from './finding.js';
import { exitStatusOf, findingsTable } from './finding.js';
import { checkNode, checkSources } from './firmware-checks.js';
import { checkMountHelper, checkPlace, checkRequestTimeouts, checkTransports } from './fuse-checks.js';
import { checkLockdown } from './lockdown-check.js';
import { checkCoreDumps, checkPageSize, checkSpool, checkSwap } from './memory-checks.js';
import { measureCommand } from './measure-command.js';
import { EXIT, usageError } from '../exit-status.js';
import { passedDescriptor } from '../mount/mount-request.js';
import type { ParsedOptions } from '../options/parse-options.js';
import { printOut } from '../print.js';

/** Looks at everything a mount with the same options needs, and changes nothing. */
export async function doctorCommand(parsed: ParsedOptions): Promise<number> {
  const { settings, positionals } = parsed;
  if (settings.measure !== undefined) return measureCommand(settings.measure, parsed);
  const [named, ...rest] = positionals;
  if (rest.length > 0)
    throw usageError(`doctor takes at most one MOUNTPOINT, got ${positionals.length} arguments`);
  const findings = await examine(settings, named === undefined ? '' : resolve(named));
  const exitStatus = exitStatusOf(findings);
  const verdict = exitStatus === EXIT.done ? 'A mount would work.' : 'A mount would not work: see fail.';
  if (settings.json)
    await printOut(`${JSON.stringify({ exitStatus, findings: findings.map(plain) }, null, 2)}\n`);
  else await printOut(`${findingsTable(findings)}\n${verdict}\n`);
  return exitStatus;
}

async function examine(settings: ParsedOptions['settings'], mountpoint: string): Promise<Finding[]> {
  const { findings: sources, source } = await checkSources(settings);
  const isPlace = mountpoint !== '' && passedDescriptor(mountpoint) === undefined;
  return [
    checkNode(),
    ...sources,
    await checkLockdown(settings, source),
    ...checkTransports(settings, mountpoint),
    ...(isPlace ? [await checkPlace(mountpoint, settings)] : []),
    checkMountHelper(),
    checkRequestTimeouts(),
    ...checkOthers(source),
    checkFeed(settings, source),
    checkStateFile(settings),
    checkSpool(settings, source),
    checkSwap(source),
    checkCoreDumps(source),
    checkPageSize(),
    checkControlDirectory(),
    ...(await checkDaemons()),
  ];
}

/** As published: `remedy` is null where there is nothing to do, or the finding says it. */
function plain({ check, status, finding, remedy }: Finding): object {
  return { check, status, finding, remedy: remedy ?? null };
}
