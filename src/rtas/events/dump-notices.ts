import type { Announcement } from '../../base/announcement.js';
import type { DumpTag } from '../../base/tag.js';
import { declaredLength, hasExtendedLog, MAX_EVENT_BYTES } from './event-length.js';
import { LOCATOR_CORE_BYTES, sections } from './sections.js';
import { ByteReader } from '../../base/byte-reader.js';
import { dumpTag } from '../../base/tag.js';

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

const DATE_AT = 8;
/** Header, date and time. */
const DATED_BYTES = 16;

/**
 * When an event was created: the two BCD words YYYYMMDD and HHMMSShh of its private header, which service processors
 * keep in UTC. Milliseconds since the epoch; undefined where the digits are no date.
 *
 * @param section the PH section
 */
function eventTimeMs(section: Uint8Array): number | undefined {
  if (section.length < DATED_BYTES) return undefined;
  const reader = new ByteReader(section.subarray(DATE_AT, DATED_BYTES), 'event time', false);
  const digits = reader.u64().toString(16).padStart(16, '0');
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(digits);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, hundredths = 0] = match
    .slice(1)
    .map(Number);
  const atMs = Date.UTC(year, month - 1, day, hour, minute, second, hundredths * 10);
  // Date.UTC carries what is out of range over into the next field: 30 February, hour 24, the years below 100.
  const read = new Date(atMs).toISOString().replace(/\D/g, '').slice(0, 16);
  return read === digits && atMs > 0 ? atMs : undefined;
}

/** What a Dump Locator section says. */
interface DumpLocator {
  readonly tag: DumpTag;
  /** The dump type. 0: the log was cut short, and another party got the whole one. */
  readonly subtype: number;
  readonly sentToHmc: boolean;
  /** Bytes; absent where the section declares none. */
  readonly size: number | undefined;
}

// LoPAR and the printing code of librtas agree on the first; the comment in librtasevent_v6.h has it the wrong way round.
const SENT_TO_HMC = 0x80;
const SIZE_VALID = 0x20;

/**
 * Reads a Dump Locator ('DH') section. Everything behind the size is left alone: rtas_errd damages it.
 *
 * @returns undefined where the section is too short to be one
 * @see LoPAR, "Platform Event Log Format, Dump Locator Section"
 */
function readDumpLocator(section: Uint8Array): DumpLocator | undefined {
  if (section.length < LOCATOR_CORE_BYTES) return undefined;
  const reader = new ByteReader(section, 'Dump Locator', false);
  reader.skip(5); // id, length, version
  const subtype = reader.u8();
  reader.skip(2); // component
  const id = reader.u32();
  const flags = reader.u8();
  reader.skip(3); // reserved, length of the OS-assigned id
  const size = Number(reader.u64());
  const declaresSize = (flags & SIZE_VALID) !== 0 && Number.isSafeInteger(size);
  return {
    tag: dumpTag((BigInt(subtype) << 32n) | BigInt(id)),
    subtype,
    sentToHmc: (flags & SENT_TO_HMC) !== 0,
    size: declaresSize ? size : undefined,
  };
}
