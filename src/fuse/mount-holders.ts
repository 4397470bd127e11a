import { readFile, readdir, readlink } from 'node:fs/promises';
import type { MountEntry } from '../base/mountinfo.js';
import { parseMountInfo } from '../base/mountinfo.js';
import { printable } from '../base/printable.js';

/** On a machine with very many processes the first ones have to do: somebody waits for the unmount. */
const LIMIT_MS = 2000;

/** A process that keeps a mount busy. */
export interface MountHolder {
  readonly pid: number;
  readonly command: string;
}

/**
 * Processes with an open file, a working or root directory, or a mapping on the mount: what fuser(1) -m lists.
 *
 * Only what /proc says is looked at: stat(2) of the files themselves would ask the very filesystem that is about to go.
 * Processes that may not be looked into are left out.
 */
export async function findHolders(mount: MountEntry): Promise<MountHolder[]> {
  const holders: MountHolder[] = [];
  const deadlineMs = performance.now() + LIMIT_MS;
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    if (performance.now() > deadlineMs) break;
    if (await holds(`/proc/${name}`, mount)) {
      const command = await readFile(`/proc/${name}/comm`, 'utf8').catch(() => '?');
      holders.push({ pid: Number(name), command: printable(command.trim()) });
    }
  }
  return holders;
}

async function holds(process: string, mount: MountEntry): Promise<boolean> {
  const places = await placesIn(process, mount);
  if (places.length === 0) return false;
  const descriptors = await readdir(`${process}/fd`).catch(() => []);
  const links = ['cwd', 'root', ...descriptors.map((fd) => `fd/${fd}`)];
  for (const link of links) {
    const target = await readlink(`${process}/${link}`).catch(() => '');
    if (places.some((place) => target === place || target.startsWith(`${place}/`))) return true;
  }
  const maps = await readFile(`${process}/maps`, 'utf8').catch(() => '');
  return maps.includes(` ${deviceInMaps(mount)} `);
}

/** Where a process sees the mount: a container has it under a name of its own, and others not at all. */
async function placesIn(process: string, mount: MountEntry): Promise<string[]> {
  const entries = parseMountInfo(await readFile(`${process}/mountinfo`, 'utf8').catch(() => ''));
  const same = entries.filter((entry) => isSameDevice(entry, mount)).map(({ mountpoint }) => mountpoint);
  if (same.length > 0) return same;
  // One that has changed its root sees less than what it had opened before.
  const [theirs, ours] = await Promise.all([process, '/proc/self'].map(namespaceOf));
  return theirs === ours ? [mount.mountpoint] : [];
}

function isSameDevice(one: MountEntry, other: MountEntry): boolean {
  return one.deviceMajor === other.deviceMajor && one.deviceMinor === other.deviceMinor;
}

function namespaceOf(process: string): Promise<string> {
  return readlink(`${process}/ns/mnt`).catch(() => 'unknown');
}

/** Device numbers as the fourth column of /proc/PID/maps has them: two hex digits or more each. */
function deviceInMaps(mount: MountEntry): string {
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  return `${hex(mount.deviceMajor)}:${hex(mount.deviceMinor)}`;
}
