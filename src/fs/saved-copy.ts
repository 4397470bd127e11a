import type { Dump } from '../dump/index.js';
import { inoOf } from './inode-table.js';

/** What somebody says who has read a dump through the mount, and has it on disk. */
export interface SavedCopy {
  /** Inode number of the file that was read. */
  readonly ino: number;
  readonly bytes: number;
  /** Of its bytes, in lower-case hex digits. */
  readonly sha256: string;
}

/**
 * Takes note that there is a copy of a dump, which `--unlink=saved` asks for.
 *
 * @returns why it does not count; undefined: it does
 */
export function countSavedCopy(dump: Dump, { ino, bytes, sha256 }: SavedCopy): string | undefined {
  if (ino !== inoOf(dump)) return 'another dump has the tag by now';
  if (!dump.isDelivered) return 'not every byte of the dump was delivered through this mount';
  if (bytes !== dump.size?.bytes) return `the copy has ${bytes} bytes, the dump ${dump.size?.bytes ?? 0}`;
  // Where it is not known, the inode number says enough.
  if (sha256 !== (dump.sha256 ?? sha256)) return 'the copy is not what firmware delivered';
  dump.isSaved = true;
  return undefined;
}
