import { constants } from 'node:fs';
import { FsError } from '../base/errno.js';
import { tagName } from '../base/tag.js';
import type { Dump } from '../dump/index.js';
import type { RequestContext } from './api.js';
import { ROOT_INO } from './api.js';
import type { Volume } from './volume.js';

const PREFIX = 'user.platdump.';
/** Namespaces that this filesystem has not. @see xattr(7) */
const FOREIGN = ['system.', 'security.', 'trusted.'];

type Read = (dump: Dump, source: string, context: RequestContext) => string | Promise<string>;

/** All attributes but `name` are answered from memory. */
const ATTRIBUTES: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['tag', (dump) => tagName(dump.tag)],
  ['type', (dump) => dump.type],
  // Empty where the dump suggests none: tools that copy attributes fail on one that is listed but not there.
  ['name', async (dump, _source, { signal }) => (await dump.readDirectory(signal)).name ?? ''],
  ['source', (_dump, source) => source],
  ['size_origin', (dump) => dump.size?.origin ?? 'unknown'],
  ['delivered', (dump) => String(dump.delivered)],
  ['state', (dump) => dump.state],
  // Empty while it is not known, for the same reason as the name.
  ['sha256', (dump) => dump.sha256 ?? ''],
]);

const XATTR_NAMES: readonly string[] = [...ATTRIBUTES.keys()].map((name) => PREFIX + name);

/** @throws FsError ENODATA, ENOTSUP for namespaces that this filesystem has not */
export async function getxattr(
  volume: Volume,
  ino: number,
  name: string,
  context: RequestContext,
): Promise<Uint8Array> {
  if (ino === ROOT_INO) throw noXattr(name);
  const { dump } = volume.inode(ino);
  volume.assertPermitted(ino, constants.R_OK, context);
  const read = name.startsWith(PREFIX) ? ATTRIBUTES.get(name.slice(PREFIX.length)) : undefined;
  if (read === undefined) throw noXattr(name);
  return Buffer.from(await read(dump, volume.store.source.name, context));
}

export function listxattr(volume: Volume, ino: number): readonly string[] {
  if (ino === ROOT_INO) return [];
  volume.inode(ino);
  return XATTR_NAMES;
}

function noXattr(name: string): FsError {
  // "Not supported" makes ls ask for labels and ACLs once, "no data" once for each file.
  const code = FOREIGN.some((namespace) => name.startsWith(namespace)) ? 'ENOTSUP' : 'ENODATA';
  return new FsError(code, `no extended attribute ${name}`, { severity: 'debug' });
}
