import { constants } from 'node:fs';
import { FsError } from '../base/errno.js';
import type { Entry, RequestContext } from './api.js';
import { ROOT_INO } from './api.js';
import type { Volume } from './volume.js';

/** Reading the one directory there is. What it lists: `Listing`. */

export function opendir(volume: Volume, ino: number, context: RequestContext): void {
  if (ino !== ROOT_INO) throw new FsError('ENOTDIR', 'a dump is no directory', { severity: 'debug' });
  volume.assertPermitted(ino, constants.R_OK, context);
}

export function entryOf(volume: Volume, ino: number, context: RequestContext): Entry | undefined {
  const dump = volume.listing.dumpOf(ino);
  // Without an exact size there is nothing that a caller of readdir could use without asking again.
  return dump?.size === undefined ? undefined : volume.entry(dump, context);
}
