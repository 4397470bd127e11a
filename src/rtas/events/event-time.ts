import { ByteReader } from '../../base/byte-reader.js';

const DATE_AT = 8;
/** Header, date and time. */
const DATED_BYTES = 16;

/**
 * When an event was created: the two BCD words YYYYMMDD and HHMMSShh of its private header, which service processors
 * keep in UTC. Milliseconds since the epoch; undefined where the digits are no date.
 *
 * @param section the PH section
 */
export function eventTimeMs(section: Uint8Array): number | undefined {
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
