import type { ExpectedDump } from './expected-dump.js';
import { fileDump, generatedDump } from './expected-dump.js';
import { mustRun } from './run-tool.js';
import type { Mounted } from './mounted.js';

export const MIB = 1024 * 1024;

const CACHE = '--cache-size=8MiB';
/** More than the daemon's cache. */
const LARGE = 24 * MIB;

/** Around one page, one firmware call, several requests, and more than the cache. */
export const SIZES = [1, 1023, 4096, 4097, MIB + 13, LARGE] as const;
export type Size = (typeof SIZES)[number];

/** More than this comes from no file. */
const BIGGEST_FILE = 16 * MIB;

/** Serves one dump of each size until `mounted` is disposed of. */
export async function mountAllSizes(
  mounted: Mounted,
  ...args: string[]
): Promise<ReadonlyMap<Size, ExpectedDump>> {
  const dumps = new Map<Size, ExpectedDump>();
  const options: string[] = [];
  SIZES.forEach((size, index) => {
    const tag = (2n << 32n) + BigInt(index);
    // Firmware may hand over as little as it likes in each call.
    const side = { chunk: [1000, 4096] };
    const dump = size > BIGGEST_FILE ? generatedDump(tag, size) : fileDump(mounted.simDir, tag, size, side);
    if (size > BIGGEST_FILE) options.push(`--sim-dump=${dump.name}:${size}`);
    dumps.set(size, dump);
  });
  await mounted.start(`--sim-dir=${mounted.simDir}`, CACHE, ...options, ...args);
  return dumps;
}

/** Makes the kernel forget the cached pages of a file, so that the next reader asks the daemon again. */
export async function dropPages(path: string): Promise<void> {
  await mustRun('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
}
