import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { PAPR_DEVICE_PATH } from '../papr/papr-device.js';

const LIBRARY = 'librtas.so.2';

/** Where distributions for 64-bit Power keep libraries. */
const DIRECTORIES = [
  '/usr/local/lib64',
  '/usr/local/lib',
  '/usr/lib64',
  '/lib64',
  '/usr/lib/powerpc64le-linux-gnu',
  '/lib/powerpc64le-linux-gnu',
  '/usr/lib/powerpc64-linux-gnu',
  '/usr/lib',
  '/lib',
];

/** Path of the installed librtas, found without loading it. */
export function findLibrtas(directories: readonly string[] = searched()): string | undefined {
  return directories.map((directory) => join(directory, LIBRARY)).find((path) => existsSync(path));
}

function searched(): string[] {
  const named = (process.env['LD_LIBRARY_PATH'] ?? '').split(delimiter).filter((name) => name !== '');
  return [...named, ...DIRECTORIES];
}

/**
 * True for a librtas that goes through the character device where there is one. It makes the sequence a file
 * descriptor then, so nothing can be resumed, and its end of file is not to be trusted.
 *
 * Told by the path that such a library holds: versions say little, since distributions carry the change in older ones.
 */
export function prefersDevice(libraryPath: string): boolean {
  return readFileSync(libraryPath).includes(PAPR_DEVICE_PATH);
}
