import { parseTag } from '../../base/tag.js';
import type { Announcement } from './announcement.js';

/** What rtas_errd (2.7.10 and later) tells the administrator to run when a dump does not fit the file system. */
const COMMAND = /\bextract_platdump (0x[0-9a-f]{16})(?![0-9a-f])/i;

/**
 * The dump that an entry of the journal names, as `journalctl -o json` prints entries: one object per line, time in
 * microseconds, a text that is no UTF-8 as a list of bytes.
 *
 * @returns undefined where the line names none, or is damaged; whatever the line, nothing is thrown
 */
export function journalHint(line: string): Announcement | undefined {
  const { MESSAGE: message, __REALTIME_TIMESTAMP: time } = entryIn(line);
  const tag = parseTag(COMMAND.exec(textOf(message))?.[1] ?? '');
  if (tag === undefined) return undefined;
  const atMs = Math.floor(Number(time) / 1000);
  // It says that the dump was there then: firmware has the last word, and knows the size.
  return { tag, isRemembered: true, ...(isTime(atMs) ? { atMs } : {}) };
}

interface Entry {
  readonly MESSAGE?: unknown;
  readonly __REALTIME_TIMESTAMP?: unknown;
}

function entryIn(line: string): Entry {
  try {
    return (JSON.parse(line) as Entry | null) ?? {};
  } catch {
    return {};
  }
}

function textOf(message: unknown): string {
  if (typeof message === 'string') return message;
  return Array.isArray(message) && message.every(Number.isInteger)
    ? Buffer.from(message).toString('latin1')
    : '';
}

/** Times that `Date` can show: a state file holds them as text. */
function isTime(atMs: number): boolean {
  return atMs > 0 && !Number.isNaN(new Date(atMs).getTime());
}
