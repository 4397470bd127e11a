import { ByteReader } from '../../base/byte-reader.js';

/** A section of a platform event log, from its header to its end. */
export interface Section {
  /** Two capital letters. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** Id, length, version, subtype, component. */
const SECTION_HEADER_BYTES = 8;

/** A Dump Locator up to and including its size: what everything that is known of it lies in. */
export const LOCATOR_CORE_BYTES = 0x18;

const LOCATOR_BYTES = 64;
const LOCATOR_START = [0x44, 0x48, 0x00, LOCATOR_BYTES] as const;

/**
 * The sections from `start` to the end of `event`, in order.
 *
 * Events reach us damaged: rtas_errd writes a file name over the end of a Dump Locator and the header behind it. Where
 * a header cannot be one, the walk goes on at the next thing that looks exactly like a Dump Locator.
 *
 * @see LoPAR, "Platform Event Log Format, Version 6"; every section begins with its id and length
 */
export function* sections(event: Uint8Array, start: number): Generator<Section> {
  let at = start;
  let searchFrom = start;
  while (event.length - at >= SECTION_HEADER_BYTES) {
    const { id, length } = headerAt(event, at);
    const isSound = isSectionId(id) && length >= SECTION_HEADER_BYTES && length <= event.length - at;
    // A locator is of use as far as it goes, even when its length lies.
    const usable = isSound ? length : id === 'DH' ? Math.min(LOCATOR_BYTES, event.length - at) : 0;
    if (usable > 0) {
      yield { id, bytes: event.subarray(at, at + usable) };
      searchFrom = at + SECTION_HEADER_BYTES;
    }
    if (isSound) {
      at += length;
      continue;
    }
    const next = findLocator(event, searchFrom);
    if (next === undefined) return;
    at = next;
    searchFrom = next;
  }
}

function headerAt(event: Uint8Array, at: number): { readonly id: string; readonly length: number } {
  const header = new ByteReader(event.subarray(at, at + SECTION_HEADER_BYTES), 'section header', false);
  return { id: String.fromCharCode(header.u8(), header.u8()), length: header.u16() };
}

function isSectionId(id: string): boolean {
  return /^[A-Z]{2}$/.test(id);
}

/** Position of the next bytes that only a Dump Locator would have: nothing else may be taken for one. */
function findLocator(event: Uint8Array, from: number): number | undefined {
  for (let at = from; event.length - at >= LOCATOR_CORE_BYTES; at += 1)
    if (looksLikeLocator(event.subarray(at, at + LOCATOR_CORE_BYTES))) return at;
  return undefined;
}

function looksLikeLocator(bytes: Uint8Array): boolean {
  if (!LOCATOR_START.every((byte, at) => bytes[at] === byte)) return false;
  const [flags = 0, reservedHigh, reservedLow, idLength = 0] = bytes.subarray(0x0c, 0x10);
  const areReservedZero = (flags & 0x1f) === 0 && reservedHigh === 0 && reservedLow === 0;
  return areReservedZero && idLength <= 40 && idLength % 4 === 0;
}
