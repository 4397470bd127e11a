import { dirname, resolve } from 'node:path';

/**
 * Whether the file system in which `path` lies is a securityfs. Only then does a missing `lockdown` file mean that the
 * kernel has no lockdown; anywhere else it means that nobody knows.
 *
 * @param mountinfo text of /proc/self/mountinfo, proc(5)
 */
export function liesInSecurityfs(path: string, mountinfo: string): boolean {
  const directory = dirname(resolve(path));
  let covering = { mountpoint: '', type: '' };
  for (const mount of parseMounts(mountinfo)) {
    // Of two mounts on one place the later one is on top.
    if (contains(mount.mountpoint, directory) && mount.mountpoint.length >= covering.mountpoint.length)
      covering = mount;
  }
  return covering.type === 'securityfs';
}

function parseMounts(mountinfo: string): { mountpoint: string; type: string }[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [mount = '', filesystem = ''] = line.split(' - ', 2);
    const mountpoint = mount.split(' ')[4];
    const type = filesystem.split(' ')[0];
    return mountpoint === undefined || type === undefined
      ? []
      : [{ mountpoint: unescapeOctal(mountpoint), type }];
  });
}

/** Blank, tab, newline and backslash stand as three octal digits. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

function contains(mountpoint: string, path: string): boolean {
  return mountpoint === '/' || path === mountpoint || path.startsWith(`${mountpoint}/`);
}
