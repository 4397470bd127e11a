import { closeSync, constants, fchmodSync, fstatSync, openSync } from 'node:fs';

const MODE = 0o600;

/**
 * Opens a file to append to that nobody but its owner reads, and makes it where there is none.
 *
 * What others prepared is refused: a link to a file of somebody else's, a file that its owner can read along, a FIFO that
 * would keep the caller waiting.
 *
 * @throws Error in one line
 */
export function openPrivateAppend(path: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, MODE);
  try {
    makePrivate(fd, path);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function makePrivate(fd: number, path: string): void {
  const file = fstatSync(fd);
  if (!file.isFile()) throw new Error(`"${path}" is not a regular file`);
  if (file.uid !== process.geteuid?.()) throw new Error(`"${path}" belongs to another user`);
  if (file.nlink > 1) throw new Error(`"${path}" has more than one name`);
  if ((file.mode & 0o777) !== MODE) fchmodSync(fd, MODE);
}
