import { constants, fstatSync, openSync, writeSync } from 'node:fs';

let descriptor: number | undefined;

/**
 * Writes to standard error without ever waiting for who reads it: a pipe that nobody empties, or a terminal that was
 * stopped (Ctrl-S), must not stop the daemon.
 *
 * @throws Error with code EAGAIN, EPIPE and the like: the text is lost
 */
export function writeStandardError(text: string): void {
  descriptor ??= openWithoutWaiting();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
}

/**
 * O_NONBLOCK belongs to the open file description, which other processes share, so we take one of our own. A socket
 * (the journal's) cannot be opened again: Node sets the flag as soon as a thread is started whose output is to go there. A
 * file is waited for.
 */
function openWithoutWaiting(): number {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    const file = fstatSync(2);
    if (!file.isFIFO() && !file.isCharacterDevice()) return 2;
    return openSync('/proc/self/fd/2', O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return 2; // not ours to open, or no /proc
  }
}
