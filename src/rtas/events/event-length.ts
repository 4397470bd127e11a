/** A log is never longer (LoPAR, rtas-error-log-max; Linux RTAS_ERROR_LOG_MAX). */
export const MAX_EVENT_BYTES = 2048;

/** The part that every event has. */
export const FIXED_HEADER_BYTES = 8;

const EXTENDED = 0x04;

/** This type keeps a scope where others have their length. It announces no dump. */
const PRRN = 0xa0;

/**
 * Bytes of an event by its own account; the eight of its fixed header where it has no extended log.
 * Undefined while its header is not complete.
 */
export function declaredLength(event: Uint8Array): number | undefined {
  if (event.length < FIXED_HEADER_BYTES) return undefined;
  if (!hasExtendedLog(event)) return FIXED_HEADER_BYTES;
  const length = new DataView(event.buffer, event.byteOffset, FIXED_HEADER_BYTES).getUint32(4, false);
  return FIXED_HEADER_BYTES + length;
}

export function hasExtendedLog(event: Uint8Array): boolean {
  return ((event[1] ?? 0) & EXTENDED) !== 0 && event[3] !== PRRN;
}
