import { dirname, resolve } from 'node:path';
import type { MountEntry } from '../base/mountinfo.js';
import { parseMountInfo } from '../base/mountinfo.js';

/**
 * Whether the file system in which `path` lies is a securityfs. Only then does a missing `lockdown` file mean that the
 * kernel has no lockdown; anywhere else it means that nobody knows.
 *
 * @param mountinfo text of /proc/self/mountinfo, proc(5)
 */
export function liesInSecurityfs(path: string, mountinfo: string): boolean {
  const directory = dirname(resolve(path));
  let covering: MountEntry | undefined;
  for (const mount of parseMountInfo(mountinfo)) {
    if (!contains(mount.mountpoint, directory)) continue;
    // Of two mounts on one place the later one is on top.
    if (mount.mountpoint.length >= (covering?.mountpoint.length ?? 0)) covering = mount;
  }
  return covering?.fstype === 'securityfs';
}

function contains(mountpoint: string, path: string): boolean {
  return mountpoint === '/' || path === mountpoint || path.startsWith(`${mountpoint}/`);
}
