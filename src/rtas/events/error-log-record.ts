import { ByteReader, HOST_LITTLE_ENDIAN } from '../../base/byte-reader.js';
import { FIXED_HEADER_BYTES, MAX_EVENT_BYTES } from './event-length.js';

const SEQUENCE_BYTES = 4;

/** What one read of the kernel's event log can bring at most. */
export const MAX_RECORD_BYTES = SEQUENCE_BYTES + MAX_EVENT_BYTES;

/** An event as the kernel hands it out. */
export interface ErrorLogRecord {
  /** Number that the kernel gave it, for the log. */
  readonly sequence: number;
  /** The event; behind its own end there may be left-overs of an older one. */
  readonly event: Uint8Array;
}

/**
 * Takes apart what one read of /proc/powerpc/rtas/error_log returned. Undefined: too short for an event.
 *
 * @see Linux arch/powerpc/kernel/rtasd.c, rtas_log_read: a signed number in host byte order, then the event
 */
export function readErrorLogRecord(
  record: Uint8Array,
  littleEndian = HOST_LITTLE_ENDIAN,
): ErrorLogRecord | undefined {
  if (record.length < SEQUENCE_BYTES + FIXED_HEADER_BYTES) return undefined;
  const reader = new ByteReader(record, 'event log record', littleEndian);
  return { sequence: reader.i32(), event: reader.rest() };
}
