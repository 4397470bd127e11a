import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { LogOptions } from '../../base/log.js';
import type { Settings } from './option-table.js';

const STDERR = 2;

/** How to log: as told, else text for people and the journal, JSON for programs. */
export function logOptions(
  settings: Pick<Settings, 'logLevel' | 'logFormat'>,
  parentFormat?: LogOptions['format'],
): LogOptions {
  const journal = writesToJournal();
  const forPeople = journal || isatty(STDERR);
  const format = settings.logFormat ?? parentFormat ?? (forPeople ? 'text' : 'json');
  return { level: settings.logLevel, format, journal };
}

/** systemd.exec(5): `device:inode` of the journal's socket. An inherited variable may describe somebody else's. */
export function writesToJournal(journalStream = process.env['JOURNAL_STREAM']): boolean {
  if (journalStream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(STDERR, { bigint: true });
    return journalStream === `${dev}:${ino}`;
  } catch {
    // Standard error is closed: nobody reads any format.
    return false;
  }
}

/** Whether standard error is still there when whoever started us is gone: the journal, or a file. */
export function standardErrorLasts(): boolean {
  try {
    return writesToJournal() || fstatSync(STDERR).isFile();
  } catch {
    return false;
  }
}
