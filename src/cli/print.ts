import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { JOURNAL_PRIORITY } from '../base/log.js';
import { printable } from '../base/printable.js';
import { CommandError, EXIT } from './exit-status.js';
import { writesToJournal } from './options/log-settings.js';

const STDOUT = 1;
const STDERR = 2;
/** Somebody else who has the pipe or terminal open made it one that does not wait. */
const FULL_FOR_NOW_MS = 5;

/**
 * Writes all of `text` to standard output before it returns. Node's own stream takes a short write, which is what a file
 * system that fills up answers first, for the whole.
 *
 * @returns false: the reader went away, which is no failure
 * @throws CommandError where it cannot be written
 */
export async function printOut(text: string): Promise<boolean> {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(STDOUT, bytes, done);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') return false;
      if (code !== 'EAGAIN')
        throw new CommandError(EXIT.failed, `standard output cannot be written: ${message}`);
      await sleep(FULL_FOR_NOW_MS);
    }
  }
  return true;
}

/** One line for the user on standard error; an error where the journal reads it. */
export function printError(message: string): void {
  const text = printable(message);
  const line = writesToJournal() ? `<${JOURNAL_PRIORITY.error}>${text}` : `platdumpfs: ${text}`;
  try {
    writeSync(STDERR, `${line}\n`);
  } catch {
    // Nobody reads standard error: the exit status has to say it all.
  }
}
