import { openSync, readSync } from 'node:fs';

/** One line of /proc/self/mountinfo, as far as a FUSE filesystem needs it. @see proc_pid_mountinfo(5) */
export interface MountEntry {
  readonly id: number;
  /** The mount that this one sits on: of entries at one mount point, the upper one names the lower one. */
  readonly parentId: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly mountpoint: string;
  /** What is mounted here shows in other mount namespaces as well. */
  readonly isShared: boolean;
  /** With subtype: `fuse.platdumpfs`. */
  readonly fstype: string;
  /** First column of the mount table. */
  readonly source: string;
  /** What the filesystem itself was told, as opposed to this one mount of it: `default_permissions`, `max_read=131072`. */
  readonly superOptions: readonly string[];
}

let descriptor: number | undefined;

/**
 * The mount table of this process, as /proc/self/mountinfo has it. The file stays open: a daemon that has reached its limit
 * of open files still has to find what it is to unmount.
 */
export function readMountInfo(): string {
  descriptor ??= openSync('/proc/self/mountinfo', 'r');
  const parts: Buffer[] = [];
  for (let position = 0; ;) {
    const part = Buffer.allocUnsafe(PART_BYTES);
    const bytes = readSync(descriptor, part, 0, PART_BYTES, position);
    if (bytes === 0) return Buffer.concat(parts).toString();
    parts.push(part.subarray(0, bytes));
    position += bytes;
  }
}

const PART_BYTES = 64 * 1024;

/** Entries in the order of the file. Lines that do not look like the kernel's are skipped. */
export function parseMountInfo(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const entry = parseLine(line);
    return entry === undefined ? [] : [entry];
  });
}

/** Of the mounts at one place, lowest first: the last one is what a path lookup reaches. */
export function mountsInOrder(entries: readonly MountEntry[], mountpoint: string): MountEntry[] {
  const here = entries.filter((entry) => entry.mountpoint === mountpoint);
  // A table that changes while it is read may name two that lie on each other.
  const depth = (entry: MountEntry, above: readonly MountEntry[] = []): number => {
    const below = here.find((other) => other.id === entry.parentId && other !== entry);
    return below === undefined || above.includes(below) ? 0 : 1 + depth(below, [...above, entry]);
  };
  return here
    .map((entry) => ({ entry, depth: depth(entry) }))
    .sort((a, b) => a.depth - b.depth)
    .map((row) => row.entry);
}

function parseLine(line: string): MountEntry | undefined {
  // 36 35 98:0 /root /mount/point rw,noatime [optional fields ...] - fstype source superOptions
  const [mount = '', filesystem = ''] = splitOnce(line, ' - ');
  const [id = '', parentId = '', device = '', , mountpoint, , ...optional] = mount.split(' ');
  const [fstype, source = '', superOptions = ''] = filesystem.split(' ');
  const numbers = /^(\d+):(\d+)$/.exec(device);
  if (numbers === null || mountpoint === undefined || fstype === undefined || fstype === '') return undefined;
  return {
    id: Number(id),
    parentId: Number(parentId),
    deviceMajor: Number(numbers[1]),
    deviceMinor: Number(numbers[2]),
    mountpoint: unescapeOctal(mountpoint),
    isShared: optional.some((field) => field.startsWith('shared:')),
    fstype: unescapeOctal(fstype),
    source: unescapeOctal(source),
    // A security label in quotes may hold commas.
    superOptions: superOptions.replace(/"[^"]*"/g, '').split(','),
  };
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** The kernel writes blanks, tabs, line feeds, backslashes and `#` as three octal digits; the rest is UTF-8 as it was. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
