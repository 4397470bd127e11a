import { closeSync, constants, openSync, writeSync } from 'node:fs';

/**
 * In one write, as the kernel changes it: an empty file, for however short, is no level, and hides every dump for good.
 *
 * @param text as long as what was written before
 */
export function writeLevel(path: string, text: string): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
  writeSync(fd, text);
  closeSync(fd);
}
