import { spawn } from 'node:child_process';
import type { MountEntry } from '../../base/mountinfo.js';
import type { Attachment } from '../transport.js';
import { MountError } from '../transport.js';
import { OWN_FSTYPE } from '../mount-table.js';

/** The numbers under which mount(8) inherits the device and the mount point. */
const INHERITED_FD = 3;
const INHERITED_DIRECTORY = 4;

/** What the kernel is told, besides the flags that mount(8) knows. @see Linux Documentation/filesystems/fuse */
export function mountOptionList(options: Attachment, uid: number, gid: number): string {
  return [
    `fd=${INHERITED_FD}`,
    'rootmode=40000',
    `user_id=${uid}`,
    `group_id=${gid}`,
    'default_permissions',
    'nosuid',
    'nodev',
    ...(options.allowOther ? ['allow_other'] : []),
    ...(options.readOnly ? ['ro'] : []),
    ...options.kernelOptions,
  ].join(',');
}

/**
 * Mounts the device `fd` by mount(8), without helper programs.
 *
 * @param directory descriptor of the mount point: by name, somebody might put another one in its place
 * @throws MountError
 */
export async function runMount(fd: number, directory: number, options: Attachment): Promise<void> {
  const list = mountOptionList(options, process.geteuid?.() ?? 0, process.getegid?.() ?? 0);
  const attempt = (type: string, all: string): Promise<MountOutcome> =>
    runMountProgram(['-i', '-c', '-t', type, '-o', all, '--', options.fsname, target], [fd, directory]);
  // With the dot, the kernel takes it for a place and not for a link that leads to one.
  const target = `/proc/self/fd/${INHERITED_DIRECTORY}/.`;
  const [type = '', subtype = ''] = OWN_FSTYPE.split('.');
  // Through the kernel's new interface for mounts, util-linux 2.41 drops what follows the dot of a type.
  let { status, complaint } = await attempt(type, `${list},subtype=${subtype}`);
  // Before Linux 5.4 FUSE did not know this option, and the dot was the only way.
  if (status !== 0 && /bad option/i.test(complaint))
    ({ status, complaint } = await attempt(OWN_FSTYPE, list));
  if (status !== 0)
    throw new MountError(`cannot mount at ${options.mountpoint}: ${complaint}${hint(complaint)}`);
}

/**
 * Changes what is mounted at a place: read-only or not, and other words of mount(8) that are not the filesystem's own.
 *
 * @param mountpoint where a mount of ours is on top
 * @throws MountError
 */
export async function remount(
  { mountpoint, source }: Pick<MountEntry, 'mountpoint' | 'source'>,
  words: readonly string[],
): Promise<void> {
  // With both names, mount(8) takes no options out of fstab: the kernel refuses those that are ours.
  const args = ['-i', '-c', '-o', ['remount', ...words].join(','), '--', source, mountpoint];
  const { status, complaint } = await runMountProgram(args, []);
  if (status !== 0) throw new MountError(`cannot remount ${mountpoint}: ${complaint}${hint(complaint)}`);
}

interface MountOutcome {
  readonly status: number | null;
  readonly complaint: string;
}

function runMountProgram(args: string[], inherited: readonly number[]): Promise<MountOutcome> {
  return new Promise((resolve, reject) => {
    const child = spawn('mount', args, {
      stdio: ['ignore', 'ignore', 'pipe', ...inherited],
      env: { ...process.env, LC_ALL: 'C' },
    });
    let complaint = '';
    child.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    child.on('error', (error: NodeJS.ErrnoException) => {
      const remedy = error.code === 'ENOENT' ? ', install util-linux' : '';
      reject(new MountError(`cannot run mount(8)${remedy}: ${error.message}`, { cause: error }));
    });
    child.on('close', (status) => resolve({ status, complaint: oneLine(complaint) }));
  });
}

function oneLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim().replace(/\.$/, ''));
  // What dmesg(1) "may have" is of no use to whoever reads this.
  const telling = lines.filter((line) => line !== '' && !line.startsWith('dmesg(1)'));
  return telling.join('; ') || 'mount(8) failed without a word';
}

function hint(complaint: string): string {
  return /permission denied|must be superuser|not permitted/i.test(complaint)
    ? ' (CAP_SYS_ADMIN is needed here)'
    : '';
}
