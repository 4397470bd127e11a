import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/log.js';
import { findHolders } from './mount-holders.js';
import type { MountEntry } from '../base/mountinfo.js';
import { mountsInOrder, parseMountInfo, readMountInfo } from '../base/mountinfo.js';
import { probeMount } from './mount-probe.js';
import { MountError } from './transport.js';
import { runUmount } from './umount-program.js';

/** How every mount of this program shows in the mount table, whatever the transport. */
export const OWN_FSTYPE = 'fuse.platdumpfs';

/** Every mount of this program that this process sees, whoever serves it. */
export function ownMounts(): MountEntry[] {
  return parseMountInfo(readMountInfo()).filter(({ fstype }) => fstype === OWN_FSTYPE);
}

/** What is mounted at exactly this place, lowest first. @param mountpoint absolute, without symbolic links */
export function mountsAt(mountpoint: string): MountEntry[] {
  return mountsInOrder(parseMountInfo(readMountInfo()), mountpoint);
}

/**
 * Absolute path, without symbolic links, of a directory to mount on.
 *
 * What is mounted there already is not asked: it may be dead, hang, or be an automount that waits for this very mount.
 *
 * @throws MountError when there is no such directory
 */
export async function checkMountpoint(path: string): Promise<string> {
  const real = await resolveMountpoint(path);
  if (mountsAt(real).length > 0) return real;
  const stats = await stat(real).catch((error: unknown) => refuse(path, error));
  if (!stats.isDirectory()) throw new MountError(`mount point ${path} is not a directory: name a directory`);
  return real;
}

/** The path under which the mount table lists a place, also where a dead mount answers ENOTCONN. */
export async function resolveMountpoint(path: string): Promise<string> {
  const absolute = resolve(path);
  try {
    return await realpath(absolute);
  } catch (error) {
    if (codeOf(error) !== 'ENOTCONN') return refuse(path, error);
    return join(await realpath(dirname(absolute)), basename(absolute));
  }
}

/**
 * Detaches what killed daemons of ours left at a mount point, however many layers.
 *
 * Another filesystem that is mounted there (a tmpfs, an autofs) stays: we mount over it.
 *
 * @throws MountError when a mount of ours is alive there
 */
export async function clearStaleMounts(mountpoint: string, log: Logger): Promise<void> {
  let previous: number | undefined;
  for (;;) {
    const top = mountsAt(mountpoint).at(-1);
    if (top?.fstype !== OWN_FSTYPE) return;
    const state = await probeMount(mountpoint);
    if (state !== 'stale') throw new MountError(inUse(mountpoint, state === 'unresponsive'));
    if (top.id === previous)
      throw new MountError(`the stale mount at ${mountpoint} does not go away: reboot or run umount -l`);
    previous = top.id;
    await detach(mountpoint);
    log.info('detached a stale mount that a killed daemon had left', { mountpoint, source: top.source });
  }
}

/** How long a mount may take to leave the mount table after its connection has ended. */
const LEAVE_MS = 1000;

/**
 * Whether a mount whose connection has ended was unmounted: one that was aborted stays. `umount -f` aborts first, and
 * takes away a moment later what nobody uses.
 */
export async function isGoneSoon(isListed: () => boolean): Promise<boolean> {
  const deadlineMs = performance.now() + LEAVE_MS;
  while (isListed()) {
    if (performance.now() > deadlineMs) return false;
    await sleep(20);
  }
  return true;
}

export interface UnmountOptions {
  /** Entry of the mount table that is meant; by default the topmost one, which has to be ours. */
  readonly mountId?: number | undefined;
  readonly beforeDetach?: () => void | Promise<void>;
  /** Ends the wait for a busy mount before its time. */
  readonly hurry?: AbortSignal;
}

/**
 * Unmounts a mount of ours, alive or stale. While it is busy, tries again until `timeoutMs` have passed; then logs who
 * holds it and detaches it (MNT_DETACH).
 *
 * @returns `unmounted` also when it was gone already
 * @throws MountError when the system refuses, or something else is mounted over it
 */
export async function unmountOrDetach(
  mountpoint: string,
  timeoutMs: number,
  log: Logger,
  options: UnmountOptions = {},
): Promise<'unmounted' | 'detached'> {
  const { mountId = mountsAt(mountpoint).at(-1)?.id, hurry } = options;
  const deadlineMs = performance.now() + timeoutMs;
  for (let pauseMs = 20; ; pauseMs = Math.min(2 * pauseMs, 500)) {
    if (mountWithId(mountpoint, mountId) === undefined) return 'unmounted';
    const result = await runUmount(mountpoint, false);
    if (result.kind === 'done' || mountWithId(mountpoint, mountId) === undefined) return 'unmounted';
    if (result.kind === 'failed') throw new MountError(`cannot unmount ${mountpoint}: ${result.why}`);
    const leftMs = deadlineMs - performance.now();
    if (leftMs <= 0 || hurry?.aborted === true) break;
    await sleep(Math.min(pauseMs, leftMs), undefined, { signal: hurry }).catch(() => undefined);
  }
  const mount = mountWithId(mountpoint, mountId);
  if (mount === undefined) return 'unmounted';
  await logHolders(mount, log);
  await options.beforeDetach?.();
  await detach(mountpoint);
  return 'detached';
}

/** The mount that is meant, if it is still there and on top. */
function mountWithId(mountpoint: string, id: number | undefined): MountEntry | undefined {
  const mounts = mountsAt(mountpoint);
  const meant = mounts.find((entry) => entry.id === id);
  const top = mounts.at(-1);
  if (meant === undefined || top === undefined) return undefined;
  if (top !== meant) throw new MountError(`${top.fstype} is mounted over ${mountpoint}: unmount that first`);
  if (meant.fstype !== OWN_FSTYPE)
    throw new MountError(`${mountpoint} is a mount of type ${meant.fstype}, not ours`);
  return meant;
}

async function logHolders(mount: MountEntry, log: Logger): Promise<void> {
  const holders = await findHolders(mount);
  const heldBy = holders.map((holder) => `${holder.command} (${holder.pid})`).join(', ') || 'unknown';
  log.warn('the mount is still busy and is detached now', { mountpoint: mount.mountpoint, heldBy });
}

async function detach(mountpoint: string): Promise<void> {
  const result = await runUmount(mountpoint, true);
  if (result.kind === 'done' || mountsAt(mountpoint).at(-1)?.fstype !== OWN_FSTYPE) return;
  const why = result.kind === 'busy' ? 'busy' : result.why;
  throw new MountError(`cannot detach the mount at ${mountpoint}: ${why}`);
}

function inUse(mountpoint: string, hangs: boolean): string {
  const state = hangs ? 'mounted at, but not answering on,' : 'already mounted at';
  return `platdumpfs is ${state} ${mountpoint}: unmount it first with: platdumpfs umount ${mountpoint}`;
}

function refuse(path: string, error: unknown): never {
  const code = codeOf(error);
  if (code === 'ENOENT') throw new MountError(`mount point ${path} does not exist: create it with mkdir -p`);
  throw new MountError(`mount point ${path} cannot be used: ${code ?? String(error)}`, { cause: error });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
