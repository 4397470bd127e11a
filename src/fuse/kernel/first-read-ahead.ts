import { constants } from 'node:fs';
import type { ReadRange } from './decode.js';

/** What the kernel reads for somebody who wants one page, in pages: four, or two where it may read ahead little. */
const MOST_PAGES = 4;

/**
 * Whether a file's first READ may be the kernel's own idea: somebody wants the first page, and gets it with up to three
 * more, all at once when the last has come. From a cold dump that is up to four times as many firmware calls as needed,
 * and 64 with pages of 64 KiB. When such a request fails, the kernel asks for the page alone and tells nobody.
 *
 * Somebody who wants two pages or more makes it ask for more than four. Past the page cache there is no read-ahead: there
 * a failure would be the answer to read(2).
 *
 * @see mm/readahead.c, get_init_ra_size; mm/filemap.c, filemap_update_page
 */
export function mayBeReadAhead({ offset, size, openFlags }: ReadRange, pageBytes: number): boolean {
  if ((openFlags & constants.O_DIRECT) !== 0) return false;
  return offset === 0 && size > pageBytes && size <= MOST_PAGES * pageBytes;
}
