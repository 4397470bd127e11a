import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { dumpTag, tagFromName, tagName } from '../base/tag.js';
import type { Announcement } from '../base/announcement.js';
import { MOST_TAGS } from '../dump/index.js';

/** Far more than `MOST_TAGS` lines. */
const MOST_BYTES = 2 * 1024 * 1024;

const MODE = 0o600;

/**
 * The file's text; undefined where there is none. Of a file that is too long the beginning.
 * @throws Error with the `code` of open(2), or when it is no regular file
 */
export function readStateFile(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    if (!fstatSync(fd).isFile()) throw new Error(`${path} is not a regular file`);
    const bytes = Buffer.alloc(MOST_BYTES);
    let length = 0;
    for (let got = -1; got !== 0 && length < bytes.length; length += got)
      got = readSync(fd, bytes, length, bytes.length - length, null);
    return bytes.toString('latin1', 0, length);
  } finally {
    closeSync(fd);
  }
}

/**
 * Replaces the file: after a crash at any moment there is the old one or the new one, whole. Nobody else may read it.
 *
 * @param mayAppear asked last: false leaves the old file in place
 */
export async function writeStateFile(path: string, text: string, mayAppear: () => boolean): Promise<void> {
  const temporary = `${path}.new`;
  // What a killed daemon left, or a link that somebody put there.
  await rm(temporary, { force: true });
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const handle = await open(temporary, O_WRONLY | O_CREAT | O_EXCL, MODE);
  try {
    await handle.writeFile(text);
    await handle.sync();
    await handle.close();
    if (!mayAppear()) throw new Error('no longer wanted');
    await rename(temporary, path);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    if (mayAppear()) throw error;
    return;
  }
  await syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

const HEADING = '# platdumpfs: tags of dumps that were there. Written by the program.';
const LINE = /^(\S+) (\d{1,16}|-) (\S+)$/;

interface KnownTags {
  readonly tags: readonly Announcement[];
  /** Lines that are none of ours. */
  readonly badLines: number;
}

/** The text of a state file: a line per dump with tag, size in bytes and time of announcement, `-` where not known. */
export function formatKnownTags(tags: readonly Announcement[]): string {
  const lines = tags.map(
    ({ tag, size, announcedAtMs: atMs }) =>
      `${tagName(tag)} ${size ?? '-'} ${atMs === undefined ? '-' : new Date(atMs).toISOString()}`,
  );
  return `${[HEADING, ...lines].join('\n')}\n`;
}

/** Reads what is sound and counts the rest: a damaged file costs what was damaged. Of a tag's lines the last counts. */
export function parseKnownTags(text: string): KnownTags {
  const tags = new Map<bigint, Announcement>();
  let badLines = 0;
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const known = parseLine(line);
    if (known !== undefined && tags.size < MOST_TAGS) tags.set(known.tag, known);
    else badLines += 1;
  }
  return { tags: [...tags.values()], badLines };
}

function parseLine(line: string): Announcement | undefined {
  const [, name = '', sizeText = '', time = ''] = LINE.exec(line) ?? [];
  const tag = tagFromName(name);
  const size = sizeText === '-' ? undefined : Number(sizeText);
  const announcedAtMs = time === '-' ? undefined : Date.parse(time);
  if (tag === undefined || Number.isNaN(announcedAtMs) || (size !== undefined && !Number.isSafeInteger(size)))
    return undefined;
  return { tag: dumpTag(tag), isRemembered: true, size, announcedAtMs };
}
