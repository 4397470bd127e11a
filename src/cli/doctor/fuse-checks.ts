import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../../base/find-program.js';
import { silentLogger } from '../../base/log.js';
import {
  MountError,
  OWN_FSTYPE,
  checkMountpoint,
  kernelUsable,
  loadFuseNative,
  mountsAt,
  probeMount,
  selectTransport,
  userMayAllowOther,
  whyNoDevice,
} from '../../fuse/index.js';
import type { Transport } from '../../fuse/index.js';
import { checkNotHidden } from '../mount/hidden-paths.js';
import { passedDescriptor } from '../mount/mount-request.js';
import type { Settings } from '../options/option-table.js';
import type { Finding } from './finding.js';
import { reasonOf } from './finding.js';

/** Whether something can be mounted, and by whom. @param mountpoint absolute; empty: not named */
export function checkTransports(settings: Settings, mountpoint: string): Finding[] {
  const chosen = choose(settings, mountpoint);
  const findings = [
    usable('transport-kernel', kernelUsable()),
    usable('transport-fuse-native', loadFuseNative()),
  ];
  if (chosen instanceof MountError)
    return [...findings, { check: 'transport', status: 'fail', finding: chosen.message }];
  findings.push({ check: 'transport', status: 'ok', finding: `a mount would use ${chosen}` });
  if (passedDescriptor(mountpoint) === undefined)
    findings.push(checkDevice(), ...checkPrograms(chosen), ...checkAllowOther());
  return findings;
}

function choose({ transport }: Settings, mountpoint: string): Transport['name'] | MountError {
  try {
    return selectTransport(transport, silentLogger, mountpoint).name;
  } catch (error) {
    if (error instanceof MountError) return error;
    throw error;
  }
}

function usable(check: string, result: { ok: true; how?: string } | { ok: false; why: string }): Finding {
  return result.ok
    ? { check, status: 'ok', finding: result.how ?? 'it may mount' }
    : { check, status: 'note', finding: `cannot be used: ${result.why}` };
}

/** Whoever mounts opens it as the user who asked: fusermount as well. */
function checkDevice(): Finding {
  const why = whyNoDevice();
  if (why === undefined) return { check: 'fuse-device', status: 'ok', finding: 'it can be opened' };
  return { check: 'fuse-device', status: 'fail', finding: why };
}

/** Programs that mount and unmount for us, and what brings them. */
const PROGRAMS = {
  mount: 'util-linux (package mount)',
  umount: 'util-linux (package mount)',
  fusermount: 'fuse3',
  fusermount3: 'fuse3',
};

export function checkPrograms(
  transport: Transport['name'],
  isRoot = process.getuid?.() === 0,
  path = process.env['PATH'],
): Finding[] {
  const check = 'mount-programs';
  const needed = programsOf(transport, isRoot);
  const missing = needed.filter((name) => findProgram(name, path) === undefined);
  if (missing.length === 0) return [{ check, status: 'ok', finding: `${needed.join(' and ')} can be run` }];
  return missing.map((name) => ({
    check,
    status: 'fail',
    finding: `${name} is not in PATH`,
    remedy: `install ${PROGRAMS[name]}`,
  }));
}

/** As root libfuse mounts by itself. */
function programsOf(transport: Transport['name'], isRoot: boolean): readonly (keyof typeof PROGRAMS)[] {
  if (transport === 'kernel') return isRoot ? ['mount', 'umount'] : ['fusermount3'];
  return isRoot ? ['umount'] : ['fusermount'];
}

/** Users may let others in only where the administrator says so. */
export function checkAllowOther(isRoot = process.getuid?.() === 0, mayAllow = userMayAllowOther): Finding[] {
  if (isRoot) return [];
  const check = 'allow-other';
  if (mayAllow()) return [{ check, status: 'ok', finding: 'a user may mount for others' }];
  const finding = 'only who mounts may look into the mount, root neither: --allow-other cannot be used';
  return [{ check, status: 'note', finding, remedy: 'for others, add user_allow_other to /etc/fuse.conf' }];
}

/** With these the kernel ends the whole connection when a request takes longer: firmware may be busy for minutes. */
const TIMEOUTS = ['default_request_timeout', 'max_request_timeout'];

export function checkRequestTimeouts(directory = '/proc/sys/fs/fuse'): Finding {
  const check = 'request-timeouts';
  const set = TIMEOUTS.filter((name) => secondsIn(join(directory, name)) > 0);
  if (set.length === 0)
    return { check, status: 'ok', finding: 'the kernel waits for slow firmware without limit' };
  return {
    check,
    status: 'warn',
    finding: `the kernel ends a mount whose firmware is slow: ${set.map((name) => `fs.fuse.${name}`).join(', ')} set`,
    remedy: `sysctl ${set.map((name) => `fs.fuse.${name}=0`).join(' ')}`,
  };
}

/** 0 where there is no such setting. */
function secondsIn(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8')) || 0;
  } catch {
    return 0;
  }
}

/** What `mount -t fuse.platdumpfs` and fstab run. */
export function checkMountHelper(paths = ['/sbin/mount.fuse', '/usr/sbin/mount.fuse']): Finding {
  const check = 'fstab';
  if (paths.some((path) => existsSync(path)))
    return { check, status: 'ok', finding: 'mount.fuse is there: entries of fstab work' };
  return {
    check,
    status: 'note',
    finding: 'mount.fuse is not there: entries of fstab need the package fuse3',
  };
}

export async function checkPlace(mountpoint: string, settings: Settings): Promise<Finding> {
  const check = 'mountpoint';
  try {
    const real = await checkMountpoint(mountpoint);
    checkNotHidden(real, settings);
    if (mountsAt(real).at(-1)?.fstype !== OWN_FSTYPE)
      return { check, status: 'ok', finding: `${real} can be used` };
    if ((await probeMount(real)) === 'stale')
      return {
        check,
        status: 'ok',
        finding: `${real} holds what a killed daemon left: the next mount clears it`,
      };
    const remedy = `platdumpfs umount ${real}, if another is wanted`;
    return { check, status: 'fail', finding: `platdumpfs is mounted at ${real} already`, remedy };
  } catch (error) {
    return { check, status: 'fail', finding: reasonOf(error) };
  }
}
