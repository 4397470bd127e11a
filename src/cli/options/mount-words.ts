import { usageError } from '../exit-status.js';
import type { MountListItem } from './mount-list.js';

/**
 * Words that mount(8), systemd and fstab put into `-o` lists for themselves, or that are true of this file system
 * anyway: permissions are always the kernel's to check, devices and set-user-id never count, nothing is writable.
 */
const WITHOUT_EFFECT = new Set([
  ...[
    'defaults',
    'auto',
    'noauto',
    'nofail',
    '_netdev',
    'user',
    'nouser',
    'users',
    'owner',
    'group',
    'comment',
  ],
  ...['suid', 'nosuid', 'dev', 'nodev', 'exec', 'atime', 'relatime', 'norelatime', 'strictatime', 'diratime'],
  ...['async', 'sync', 'default_permissions'],
]);

/** The same with a value: mount(8) notes who mounted, systemd-fstab-generator once read comments. */
const WITHOUT_EFFECT_BEFORE_VALUE = new Set(['user', 'comment']);

/** Words that the kernel understands and that change something here. */
const FOR_THE_KERNEL = new Set(['noexec', 'noatime', 'nodiratime']);

/** SELinux labels, mount(8). */
const LABELS = new Set(['context', 'fscontext', 'defcontext', 'rootcontext']);

/** Neither devices nor set-user-id programs come out of a firmware dump. */
export const ALWAYS_FOR_THE_KERNEL = ['nosuid', 'nodev'] as const;

export type MountWord =
  | { readonly kind: 'nothing' }
  /** Not to be mounted: what is mounted there changes. */
  | { readonly kind: 'remount' }
  | { readonly kind: 'kernel'; readonly option: string }
  | { readonly kind: 'read-only'; readonly on: boolean };

/**
 * What an entry of a `-o` list means that is no option of ours; undefined where nobody knows it.
 *
 * @throws CommandError with status `usage`
 */
export function standardMountWord(item: MountListItem): MountWord | undefined {
  const { name, value } = item;
  if (/^x-./i.test(name)) return { kind: 'nothing' };
  if (value !== undefined) return wordWithValue(name, value);
  if (WITHOUT_EFFECT.has(name)) return { kind: 'nothing' };
  if (name === 'remount') return { kind: 'remount' };
  if (name === 'ro' || name === 'rw') return { kind: 'read-only', on: name === 'ro' };
  return FOR_THE_KERNEL.has(name) ? { kind: 'kernel', option: name } : undefined;
}

/** Inside double quotes, where a comma belongs to the label: elsewhere it would begin another option of the kernel's. */
function label(name: string, value: string): string {
  const bare = /^"(.+)"$/.exec(value)?.[1] ?? value;
  if (!/^[!#-[\]-~]+$/.test(bare))
    throw usageError(`-o ${name}: expected a security label, got ${JSON.stringify(value)}`);
  return bare.includes(',') ? `"${bare}"` : value;
}

function wordWithValue(name: string, value: string): MountWord | undefined {
  if (LABELS.has(name)) return { kind: 'kernel', option: `${name}=${label(name, value)}` };
  return WITHOUT_EFFECT_BEFORE_VALUE.has(name) ? { kind: 'nothing' } : undefined;
}
