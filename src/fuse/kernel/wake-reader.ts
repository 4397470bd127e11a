import { readFileSync, statfsSync } from 'node:fs';
import { statfs, writeFile } from 'node:fs/promises';
import type { MountEntry } from '../../base/mountinfo.js';
import { parseMountInfo, readMountInfo } from '../../base/mountinfo.js';

/**
 * The kernel's number of the connection that a mounted device serves, which is also the minor device number of its
 * files; undefined before Linux 6.16 (fuse_dev_show_fdinfo).
 */
export function connectionOf(fd: number): number | undefined {
  try {
    const number = /^fuse_connection:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    return number === undefined ? undefined : Number(number);
  } catch {
    return undefined;
  }
}

/**
 * Brings a thread that waits for a request back from the device, although the mount lives on: detached while somebody
 * holds a file, or mounted in another namespace as well. Nothing else can: the read is not cut short by closing the
 * descriptor, nor by ending the thread, and the process cannot exit while it waits.
 *
 * Aborts the connection where the FUSE control filesystem is mounted. Else makes a request that the thread receives.
 *
 * @param root A path that leads into the mount, if one is known.
 * @returns false: there is no means; a device that was handed over is mounted where this process does not see it
 */
export async function wakeReader(connection: number | undefined, root: string | undefined): Promise<boolean> {
  if (connection !== undefined && (await abort(connection))) return true;
  const path = root ?? mountpointOf(connection);
  // Not awaited: nobody answers it, it ends when the device is closed.
  if (path !== undefined) void statfs(path).catch(() => undefined);
  return path !== undefined;
}

/** The same at once, while the process exits: returns when the device is closed. */
export function wakeReaderNow(path: string): void {
  try {
    statfsSync(path);
  } catch {
    // ECONNABORTED: the device is closed, as it should be.
  }
}

async function abort(connection: number): Promise<boolean> {
  try {
    await writeFile(`/sys/fs/fuse/connections/${connection}/abort`, '1', { flag: 'r+' });
    return true;
  } catch {
    return false;
  }
}

/** A place in this namespace where the connection is mounted. */
export function mountpointOf(connection: number | undefined): string | undefined {
  return mountOf(connection)?.mountpoint;
}

/** A mount of the connection in this namespace. */
export function mountOf(connection: number | undefined): MountEntry | undefined {
  if (connection === undefined) return undefined;
  const entries = parseMountInfo(readMountInfo());
  return entries.find((entry) => entry.deviceMajor === 0 && entry.deviceMinor === connection);
}
