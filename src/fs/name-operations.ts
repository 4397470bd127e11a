import { constants } from 'node:fs';
import { FsError } from '../base/errno.js';
import type { DumpTag } from '../base/tag.js';
import { tagFromName } from '../base/tag.js';
import type { Dump } from '../dump/index.js';
import type { Entry, RequestContext } from './api.js';
import { NAME_MAX, ROOT_INO } from './api.js';
import type { Volume } from './volume.js';

/** The one directory there is, and names in it. What it lists: `Listing`. */

export async function lookup(
  volume: Volume,
  parent: number,
  name: string,
  context: RequestContext,
): Promise<Entry> {
  if (name === '.' || name === '..') return lookupDot(volume, parent, name, context);
  volume.assertPermitted(ROOT_INO, constants.X_OK, context);
  const tag = tagOf(parent, name);
  if (tag === undefined) throw noSuchName(name);
  const dump = volume.store.find(tag) ?? (await probed(volume, tag, context));
  if (dump === undefined) throw noSuchName(name);
  return volume.entry(dump, context);
}

export function opendir(volume: Volume, ino: number, context: RequestContext): void {
  if (ino !== ROOT_INO) throw new FsError('ENOTDIR', 'a dump is no directory', { severity: 'debug' });
  volume.assertPermitted(ino, constants.R_OK, context);
}

export function entryOf(volume: Volume, ino: number, context: RequestContext): Entry | undefined {
  const dump = volume.listing.dumpOf(ino);
  // Without an exact size there is nothing that a caller of readdir could use without asking again.
  return dump?.size === undefined ? undefined : volume.entry(dump, context);
}

export async function unlink(
  volume: Volume,
  parent: number,
  name: string,
  context: RequestContext,
): Promise<void> {
  volume.assertPermitted(ROOT_INO, constants.W_OK | constants.X_OK, context);
  const tag = tagOf(parent, name);
  const dump = tag === undefined ? undefined : volume.store.find(tag);
  if (dump === undefined) throw noSuchName(name);
  if (volume.options.readOnly) throw new FsError('EROFS', 'mounted read-only', { severity: 'debug' });
  volume.unlinking.add(dump);
  try {
    await volume.removal.unlink(dump, context.signal, context.isResent);
  } finally {
    volume.unlinking.delete(dump);
  }
}

export function noSuchName(name: string): FsError {
  return new FsError('ENOENT', `no dump ${name}`, { severity: 'debug' });
}

/**
 * What the kernel asks when somebody comes with a file handle (open_by_handle_at(2), an NFS client) whose inode it has
 * dropped meanwhile: the inode itself, and the directory that it is in.
 */
function lookupDot(volume: Volume, ino: number, name: '.' | '..', context: RequestContext): Entry {
  const { rootAttributes, inodes, listing } = volume;
  // The generation of the root is 0 for the kernel as well.
  if (ino === ROOT_INO || name === '..')
    return { attributes: rootAttributes, generation: 0, validMs: rootAttributes.validMs };
  const dump = inodes.get(ino)?.dump ?? listing.dumpOf(ino);
  if (dump === undefined) throw new FsError('ESTALE', `inode ${ino} is gone`, { severity: 'debug' });
  return volume.entry(dump, context);
}

/** @throws FsError where no name can be, there or not */
function tagOf(parent: number, name: string): DumpTag | undefined {
  if (parent !== ROOT_INO) throw new FsError('ENOTDIR', 'dumps have no entries', { severity: 'debug' });
  if (nameBytes(name) > NAME_MAX)
    throw new FsError('ENAMETOOLONG', `names have ${NAME_MAX} bytes at most`, { severity: 'debug' });
  return tagFromName(name);
}

/** Length of a name as the kernel had it: a byte that was no UTF-8 has become U+FFFD, which takes three. */
function nameBytes(name: string): number {
  return Buffer.byteLength(name) - 2 * (name.split('\ufffd').length - 1);
}

/** A dump that nobody has announced. Firmware is asked for root and the owner: others could keep it busy, and fill its log. */
async function probed(volume: Volume, tag: DumpTag, context: RequestContext): Promise<Dump | undefined> {
  const { uid } = context;
  const isOurs = uid === 0 || uid === volume.options.uid;
  if (!isOurs || !isPlausible(tag)) return undefined;
  return volume.store.probe(tag, uid === 0 ? 'root' : 'owner', context.signal);
}

/** Tags that announcements can carry: an 8-bit dump type above a 32-bit id (LoPAR, Dump Locator section). */
function isPlausible(tag: DumpTag): boolean {
  const type = tag >> 32n;
  return type >= 1n && type <= 0xffn;
}
