import { constants } from 'node:fs';
import type { ReadRange } from './decode.js';
import { READ_AHEAD_BYTES } from './read-ahead.js';

/**
 * Whether a file's first READ may be the kernel's own idea: somebody wants the first page, and gets it with up to three
 * more, all at once when the last has come. From a cold dump that is up to four times as many firmware calls as needed.
 * When such a request fails, the kernel asks for the page alone and tells nobody.
 *
 * Somebody who wants more makes it ask for more, except at the end of a small file. Past the page cache there is no
 * read-ahead: there a failure would be the answer to read(2).
 *
 * @see mm/filemap.c, filemap_update_page
 */
export function mayBeReadAhead({ offset, size, openFlags }: ReadRange, pageBytes: number): boolean {
  if ((openFlags & constants.O_DIRECT) !== 0) return false;
  return offset === 0 && size === pageBytes * pagesForOne(READ_AHEAD_BYTES / pageBytes);
}

/**
 * How many pages the kernel reads for somebody who wants one at the beginning of a file, when it may read so many ahead.
 *
 * @see mm/readahead.c, get_init_ra_size
 */
function pagesForOne(mostPages: number): number {
  return mostPages >= 32 ? 4 : 2;
}
