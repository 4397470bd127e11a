import { readFileSync } from 'node:fs';

/** One line of /proc/self/mountinfo. @see proc_pid_mountinfo(5) */
export interface Mount {
  /** Major and minor number of the file system: the same for each mount of it. */
  readonly device: string;
  /** Which directory of that file system is mounted. */
  readonly root: string;
  readonly mountpoint: string;
  /** Of this mount, or of the whole file system. */
  readonly readOnly: boolean;
  /** `shared:N`, `master:N`. */
  readonly propagation: readonly string[];
  readonly fstype: string;
}

/** Lowest first. Reading it asks none of the file systems, of which one may hang. */
export function readMounts(text = readFileSync('/proc/self/mountinfo', 'utf8')): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const [, , device, root, mountpoint, options, ...propagation] = left.split(' ');
    const [fstype, , superOptions] = right.split(' ');
    if (device === undefined || root === undefined || mountpoint === undefined) return [];
    const readOnly = [options, superOptions].some((words) => words?.split(',').includes('ro'));
    return [{ device, root, mountpoint: unescape(mountpoint), readOnly, propagation, fstype: fstype ?? '' }];
  });
}

/** What a path lookup reaches at exactly this place. */
export function mountAt(path: string, mounts = readMounts()): Mount | undefined {
  return mounts.findLast(({ mountpoint }) => mountpoint === path);
}

function unescape(text: string): string {
  return text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
