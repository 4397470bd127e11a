import { dumpTag, tagFromName, tagName } from '../base/tag.js';
import type { Announcement } from '../base/announcement.js';

/** More dumps than a machine can have. */
export const MOST_KNOWN_TAGS = 16_384;

const HEADING = '# platdumpfs: tags of dumps that were there. Written by the program.';
const LINE = /^(\S+) (\d{1,16}|-) (\S+)$/;

export interface KnownTags {
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
    if (known !== undefined && tags.size < MOST_KNOWN_TAGS) tags.set(known.tag, known);
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
