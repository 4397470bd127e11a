/** A copy does not fit. The message says how much is missing. */
export class NoRoom extends Error {}

/** @throws NoRoom where less is free than the dump takes: before firmware is asked for gigabytes */
export function assertRoom(size: number, free: number): void {
  if (size > free)
    throw new NoRoom(`it takes ${size} bytes, and ${free} are free: ${size - free} are missing`);
}

/**
 * Says of an error of write(2) or fsync(2) how much found no room, if that is the reason.
 *
 * @param fit bytes that were taken before
 */
export function explainFull(error: unknown, fit: number, size: number): unknown {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  const missing = size > fit ? `${size - fit} are missing` : 'not all of them could be kept';
  return new NoRoom(`it takes ${size} bytes, and ${fit} were taken: ${missing} (${code})`);
}
