import { readFileSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { join } from 'node:path';
import type { DumpTag } from '../../base/tag.js';
import type { FileIdentity } from './dump-facts.js';
import type { SideFile } from './side-file.js';
import { NO_SIDE_FILE, SideFileError, parseSideFile } from './side-file.js';

const SIDE_SUFFIX = '.json';

/** A file in the directory that stands for a dump. */
export interface DirectoryDump {
  readonly tag: DumpTag;
  readonly name: string;
  readonly file: FileIdentity;
  readonly side: SideFile;
  /** Differs when file or side file is another one, or was changed. */
  readonly version: string;
}

export type Finding =
  | { readonly kind: 'dump'; readonly dump: DirectoryDump }
  | { readonly kind: 'nothing' }
  /** Somebody may still be writing it: look again then. */
  | { readonly kind: 'unsettled' };

export interface LookOptions {
  /** What is known of this name: if it is still so, that is the answer. */
  readonly known?: DirectoryDump | undefined;
  /** Changes younger than this count as unfinished; 0: whoever asks wants what is there. */
  readonly settleMs: number;
}

const CLOCK_TICK_MS = 20;
const NOTHING: Finding = { kind: 'nothing' };

/**
 * What one name of the directory stands for at this moment.
 *
 * @throws SideFileError
 */
export function lookAt(directory: string, name: string, tag: DumpTag, options: LookOptions): Finding {
  const path = join(directory, name);
  const stats = statFile(path);
  if (stats === undefined) return NOTHING;
  const side = statFile(path + SIDE_SUFFIX);
  const version = `${versionOf(stats)} ${side === undefined ? '-' : versionOf(side)}`;
  if (options.known?.version === version) return { kind: 'dump', dump: options.known };
  const ageMs = Date.now() - Math.max(stats.mtimeMs, side?.mtimeMs ?? 0);
  // The clock of files and this one differ by a tick at most; what claims to be newer still is a date somebody set.
  if (options.settleMs > 0 && ageMs > -CLOCK_TICK_MS && ageMs < options.settleMs)
    return { kind: 'unsettled' };
  const { size, ino, mtimeMs } = stats;
  const file = { path, size, ino, mtimeMs };
  const described = side === undefined ? NO_SIDE_FILE : readSideFile(path + SIDE_SUFFIX, size);
  return { kind: 'dump', dump: { tag, name, file, side: described, version } };
}

/** Of a regular file; links are followed. What cannot be looked at is not there. */
function statFile(path: string): Stats | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats?.isFile() ? stats : undefined;
  } catch {
    return undefined;
  }
}

function versionOf({ ino, size, mtimeMs }: Stats): string {
  return `${ino}:${size}:${mtimeMs}`;
}

function readSideFile(path: string, size: number): SideFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SideFileError(`${path}: cannot be read: ${(cause as Error).message}`, { cause });
  }
  return parseSideFile(text, path, size);
}
