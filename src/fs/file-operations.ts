import { constants } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { FsError, interrupted } from '../base/errno.js';
import type { PinnedBytes } from '../base/pinned-bytes.js';
import { tagName } from '../base/tag.js';
import type { Dump } from '../dump/index.js';
import type { Attributes, RequestContext, StatFs } from './api.js';
import { NAME_MAX, ROOT_INO } from './api.js';
import { dumpAttributes } from './attributes.js';
import type { Handle, Inode } from './inode-table.js';
import type { Arrival } from './told-sizes.js';
import type { Volume } from './volume.js';
import { stale } from './volume.js';

/** Files: what is known of them, and of the whole; open ones. */

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

/** A request for bytes, on its way. */
interface Read {
  readonly handle: Handle;
  readonly offset: number;
  readonly length: number;
  readonly context: RequestContext;
  readonly isDirect: boolean;
  readonly arrival: Arrival;
}

export function open(volume: Volume, ino: number, flags: number, context: RequestContext): number {
  const inode = volume.inode(ino);
  const writes = (flags & (constants.O_WRONLY | constants.O_RDWR | constants.O_TRUNC)) !== 0;
  if (writes) throw new FsError('EACCES', 'dumps are read-only', { severity: 'debug' });
  volume.assertPermitted(ino, constants.R_OK, context);
  // ESTALE makes the kernel look the name up once more: the tag may have come back.
  if (inode.dump.lost !== undefined) throw stale(inode.dump);
  return volume.inodes.open(inode).fh;
}

export function read(
  volume: Volume,
  fh: number,
  offset: number,
  length: number,
  context: RequestContext,
  isDirect: boolean,
): PinnedBytes | Promise<PinnedBytes> {
  const handle = volume.handle(fh);
  const { dump, told } = handle.inode;
  const request = { handle, offset, length, context, isDirect, arrival: told.arrival(context.pid) };
  const bytes = dump.read(offset, length, handle.knownSize, () => context.signal);
  if (bytes instanceof Promise) return bytes.then((late) => checked(late, request));
  return checked(bytes, request);
}

export function release({ inodes, removal }: Volume, fh: number): void {
  const handle = inodes.handle(fh);
  if (handle === undefined) return;
  inodes.close(handle);
  removal.onHandleClosed(handle.inode.dump);
}

/** What was read, unless the reader would take it for something else than it is. */
function checked(bytes: PinnedBytes, read: Read): PinnedBytes | Promise<PinnedBytes> {
  const { dump } = read.handle.inode;
  if (dump.lost === 'not-authorized') {
    bytes[Symbol.dispose]();
    throw new FsError('EPERM', 'the platform delivers this dump elsewhere');
  }
  const { knownSize = 0 } = read.handle;
  // Whoever trusts a size that is too small copies too little and believes that this is all.
  if (knownSize > 0 && read.offset + read.length >= knownSize && dump.exceeds(knownSize)) {
    bytes[Symbol.dispose]();
    throw announcedWrong('longer', dump, knownSize);
  }
  return bytes.length < read.length && !read.isDirect ? ending(bytes, read) : bytes;
}

/** The end of a dump is about to be shown: it has to become the size that the kernel believes in. */
function ending(bytes: PinnedBytes, read: Read): PinnedBytes | Promise<PinnedBytes> {
  const { handle, offset, context } = read;
  const { dump, told } = handle.inode;
  const settlesInMs = told.settlesIn(read.arrival, offset, dump.size?.bytes ?? 0);
  if (settlesInMs === undefined) {
    told.tell(offset + bytes.length, context.pid, true);
    return bytes;
  }
  bytes[Symbol.dispose]();
  return failLate(settlesInMs, read);
}

/**
 * Mostly this is the kernel's read-ahead. When that fails, nobody is told, and the kernel asks for the page that somebody
 * waits for alone; the answer to that is safe if it does so late enough.
 */
async function failLate(ms: number, { handle, context }: Read): Promise<never> {
  try {
    // A timer may fire a little early.
    await sleep(ms + 10, undefined, { signal: context.signal });
  } catch {
    throw interrupted();
  }
  throw announcedWrong('shorter', handle.inode.dump, handle.knownSize);
}

function announcedWrong(how: 'longer' | 'shorter', dump: Dump, announced: number | undefined): FsError {
  return new FsError('EIO', `the dump is ${how} than announced: open it again to read all of it`, {
    fields: { tag: tagName(dump.tag), announced },
    // Whoever reads on gets everything: see `failLate`.
    severity: how === 'longer' ? 'warn' : 'info',
  });
}
