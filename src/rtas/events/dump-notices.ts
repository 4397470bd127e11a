import type { Announcement } from '../../base/announcement.js';
import type { DumpTag } from '../../base/tag.js';
import { readDumpLocator } from './dump-locator.js';
import { MAX_EVENT_BYTES, declaredLength, hasExtendedLog } from './event-length.js';
import { eventTimeMs } from './event-time.js';
import { sections } from './sections.js';

/** A dump that an event names and that is not for this partition. */
export interface IgnoredNotice {
  readonly tag: DumpTag;
  readonly reason: string;
}

export interface DumpNotices {
  readonly announced: readonly Announcement[];
  readonly ignored: readonly IgnoredNotice[];
}

const VERSION = 6;
const COMPANY_AT = 20;
const COMPANY = [0x49, 0x42, 0x4d, 0x00] as const; // "IBM"
const FIRST_SECTION_AT = 24;

const NOTHING: DumpNotices = { announced: [], ignored: [] };

/**
 * The dumps that an RTAS event announces: one for each Dump Locator section, whatever the type of the event.
 *
 * Takes any bytes, never throws, and looks at none behind the end that the event declares, where left-overs of older
 * events may stand.
 */
export function dumpNotices(bytes: Uint8Array): DumpNotices {
  const event = declaredPart(bytes);
  if (event === undefined) return NOTHING;
  const announced: Announcement[] = [];
  const ignored: IgnoredNotice[] = [];
  let announcedAtMs: number | undefined;
  let isFirst = true;
  for (const section of sections(event, FIRST_SECTION_AT)) {
    // The private header is always the first section; anything else of that name is damage.
    if (isFirst && section.id === 'PH') announcedAtMs = eventTimeMs(section.bytes);
    isFirst = false;
    const locator = section.id === 'DH' ? readDumpLocator(section.bytes) : undefined;
    if (locator === undefined) continue;
    const { tag, size, subtype, sentToHmc } = locator;
    if (subtype === 0)
      ignored.push({ tag, reason: 'the log was cut short: another party got the whole one' });
    else if (sentToHmc) ignored.push({ tag, reason: 'the platform sends this dump to the HMC' });
    else announced.push({ tag, size, announcedAtMs });
  }
  return { announced, ignored };
}

/** The event without what follows it in the buffer; undefined where it cannot hold sections. */
function declaredPart(bytes: Uint8Array): Uint8Array | undefined {
  const length = declaredLength(bytes);
  if (length === undefined || bytes[0] !== VERSION || !hasExtendedLog(bytes)) return undefined;
  if (!COMPANY.every((byte, at) => bytes[COMPANY_AT + at] === byte)) return undefined;
  return bytes.subarray(0, Math.min(length, MAX_EVENT_BYTES));
}
