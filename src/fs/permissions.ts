import { constants } from 'node:fs';
import { FsError } from '../base/errno.js';
import type { Attributes, RequestContext } from './api.js';

const { R_OK, W_OK, X_OK, S_IFMT, S_IFDIR } = constants;

/**
 * Compares the caller with owner, group and mode.
 *
 * @param wanted R_OK, W_OK, X_OK
 * @throws FsError EACCES
 */
export function assertPermitted(context: RequestContext, what: Attributes, wanted: number): void {
  if (isPermitted(context, what, wanted)) return;
  throw new FsError('EACCES', 'owner, group and mode do not permit this', {
    severity: 'debug',
    fields: { uid: context.uid, mode: what.mode.toString(8) },
  });
}

/**
 * As generic_permission() in the kernel, except that root may read, write and search whatever its capabilities are: those of
 * a caller in a user namespace of its own say nothing about us.
 */
export function isPermitted(
  caller: Pick<RequestContext, 'uid' | 'gid' | 'groups'>,
  what: Pick<Attributes, 'uid' | 'gid' | 'mode'>,
  wanted: number,
): boolean {
  const { uid, gid } = caller;
  const isDirectory = (what.mode & S_IFMT) === S_IFDIR;
  if (uid === 0) return (wanted & X_OK) === 0 || isDirectory || (what.mode & 0o111) !== 0;
  const bits = (shift: number): number => (what.mode >> shift) & (R_OK | W_OK | X_OK);
  const isAllowedBy = (granted: number): boolean => (granted & wanted) === wanted;
  if (uid === what.uid) return isAllowedBy(bits(6));
  // Who is in the group is looked up only where it matters.
  if (isAllowedBy(bits(3)) === isAllowedBy(bits(0))) return isAllowedBy(bits(0));
  const isMember = gid === what.gid || caller.groups().includes(what.gid);
  return isAllowedBy(isMember ? bits(3) : bits(0));
}
