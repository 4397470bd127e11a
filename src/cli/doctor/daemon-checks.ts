import { existsSync } from 'node:fs';
import { OWN_FSTYPE, ownMounts, probeMount } from '../../fuse/index.js';
import type { DaemonStatus } from '../control/control-protocol.js';
import { checkPrivateDirectory, runtimeDirectory } from '../runtime-directory.js';
import { statusOfDaemons } from '../query/running-daemons.js';
import type { Finding } from './finding.js';
import { reasonOf } from './finding.js';

/** Whether `list`, `info`, `save` and `watch` will find the daemon. */
export function checkControlDirectory(directory = runtimeDirectory()): Finding {
  const check = 'control-socket';
  if (directory === undefined)
    return {
      check,
      status: 'warn',
      finding: 'no place for it: list, info, save and watch cannot ask a daemon of this user',
      remedy: 'set XDG_RUNTIME_DIR',
    };
  try {
    if (existsSync(directory)) checkPrivateDirectory(directory);
    return { check, status: 'ok', finding: `daemons of this user are asked in ${directory}` };
  } catch (error) {
    return { check, status: 'warn', finding: reasonOf(error), remedy: `chmod 700 ${directory}` };
  }
}

/** Daemons of this user that answer, and mounts that nobody serves. */
export async function checkDaemons(): Promise<Finding[]> {
  const [statuses, mounts] = await Promise.all([statusOfDaemons(), deadMounts()]);
  const findings = [...statuses.map(describe), ...mounts];
  return findings.length > 0
    ? findings
    : [{ check: 'daemons', status: 'note', finding: 'none of this user runs' }];
}

function describe(daemon: DaemonStatus): Finding {
  const { mountpoint, pid, source, transport, lockdown, version } = daemon;
  const finding = `${version} serves ${source} at ${mountpoint} (${transport}, pid ${pid})`;
  if (!isSeenHere(daemon))
    return {
      check: 'daemons',
      status: 'warn',
      finding: `${finding}, and its mount is not seen here`,
      remedy: 'drop settings such as PrivateTmp= from its unit, or bind its directory with rshared',
    };
  if (lockdown === 'enforce') return { check: 'daemons', status: 'ok', finding };
  return {
    check: 'daemons',
    status: 'warn',
    finding: `${finding}, and would show dumps at every lockdown level`,
    remedy: 'mount again without --lockdown=ignore',
  };
}

/** A daemon in a mount namespace of its own is asked over its socket, and shows its dumps to nobody else. */
function isSeenHere({ device }: DaemonStatus): boolean {
  return device === undefined || ownMounts().some(({ deviceMinor }) => device === `0:${deviceMinor}`);
}

async function deadMounts(): Promise<Finding[]> {
  const places = [...new Set(ownMounts().map(({ mountpoint }) => mountpoint))];
  const states = await Promise.all(places.map((place) => probeMount(place)));
  return places.flatMap((place, at): Finding[] => {
    const state = states[at];
    if (state === 'alive') return [];
    const what = state === 'stale' ? 'its daemon was killed' : 'its daemon does not answer';
    const remedy = `platdumpfs umount ${place}`;
    return [{ check: 'mounts', status: 'warn', finding: `${OWN_FSTYPE} at ${place}: ${what}`, remedy }];
  });
}
