import { constants } from 'node:fs';
import { FsError } from '../base/errno.js';
import type { Attributes, RequestContext, StatFs } from './api.js';
import { NAME_MAX, ROOT_INO } from './api.js';
import { dumpAttributes } from './attributes.js';
import type { Inode } from './inode-table.js';
import type { Volume } from './volume.js';
import { stale } from './volume.js';

/** What is known of files and of the whole. */

const STATFS_BLOCK_BYTES = 4096;

export async function getattr(
  volume: Volume,
  ino: number,
  context: RequestContext,
  fh?: number,
): Promise<Attributes> {
  if (ino === ROOT_INO) return volume.rootAttributes;
  const inode = volume.inode(ino);
  const { dump } = inode;
  const handle = fh === undefined ? undefined : volume.inodes.handle(fh);
  if (dump.lost !== undefined && dump.size === undefined) throw stale(dump);
  const mayChange = dump.lost === undefined && dump.size?.exact !== true;
  // Others hear what a reader at the end waits for as well: an older size must not overtake the answer to it.
  if (mayChange && (handle !== undefined || inode.confirming > 0)) await confirm(inode, context.signal);
  else if (dump.size === undefined) await dump.measure(context.signal);
  // From now on the reader counts on this size.
  const bytes = dump.size?.bytes;
  if (handle !== undefined) handle.knownSize = bytes;
  for (const open of inode.handles) open.knownSize ??= bytes;
  const attributes = dumpAttributes(dump, volume.options);
  inode.told.tell(attributes.size, context.pid);
  return attributes;
}

export function access(volume: Volume, ino: number, mask: number, context: RequestContext): void {
  if (ino !== ROOT_INO) volume.inode(ino);
  volume.assertPermitted(ino, mask, context);
  if ((mask & constants.W_OK) !== 0 && ino !== ROOT_INO)
    throw new FsError('EACCES', 'dumps are read-only', { severity: 'debug' });
}

export function statfs({ store }: Volume): StatFs {
  let bytes = 0;
  let files = 0;
  for (const dump of store.dumps()) {
    bytes += dump.size?.bytes ?? 0;
    files += 1;
  }
  const blocks = Math.ceil(bytes / STATFS_BLOCK_BYTES);
  return { blockSize: STATFS_BLOCK_BYTES, blocks, files, nameMax: NAME_MAX };
}

/** A read is about to cross the end that the kernel knows: if firmware is near it, its word comes first. */
async function confirm(inode: Inode, signal: AbortSignal): Promise<void> {
  inode.confirming += 1;
  try {
    await inode.dump.confirmSize(signal);
    if (inode.dump.size === undefined) await inode.dump.measure(signal);
  } finally {
    inode.confirming -= 1;
  }
}
