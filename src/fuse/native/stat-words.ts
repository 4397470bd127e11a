import type { Attributes, StatFs } from '../../fs/index.js';

const TWO_32 = 2 ** 32;

/**
 * `struct stat` as the addon wants it: 18 words of 32 bits, 64-bit values as low and high word, times in milliseconds.
 *
 * The inode number has one word only; inode numbers count incarnations since the mount, so that is plenty.
 */
export function statWords(attributes: Attributes): Uint32Array {
  const { mode, uid, gid, size, nlink, ino } = attributes;
  const time = words(Math.max(0, Math.floor(attributes.mtimeMs)));
  const [device, rawDevice, blockSize] = [0, 0, 0];
  const blocks = words(Math.ceil(size / 512));
  // prettier-ignore
  return Uint32Array.of(
    mode, uid, gid, ...words(size), device, nlink, ino, rawDevice, blockSize, ...blocks, ...time, ...time, ...time,
  );
}

/** What the addon copies when there is nothing to tell. */
export const NO_STAT = new Uint32Array(18);

/** For a directory entry only type and inode number count. */
export function entryWords(ino: number, isDirectory: boolean): Uint32Array {
  const result = new Uint32Array(18);
  result[0] = isDirectory ? 0o040000 : 0o100000;
  result[7] = ino;
  return result;
}

/** `struct statvfs`: 11 words of 32 bits. Blocks grow until their number fits. */
export function statfsWords({ blockSize, blocks, files, nameMax }: StatFs): Uint32Array {
  let [size, count] = [blockSize, blocks];
  while (count >= TWO_32) [size, count] = [size * 2, Math.ceil(count / 2)];
  const [free, available, freeFiles, availableFiles, id, flags] = [0, 0, 0, 0, 0, 0];
  return Uint32Array.of(
    size,
    size,
    count,
    free,
    available,
    files,
    freeFiles,
    availableFiles,
    id,
    flags,
    nameMax,
  );
}

export const NO_STATFS = new Uint32Array(11);

function words(value: number): [low: number, high: number] {
  return [value % TWO_32, Math.floor(value / TWO_32)];
}
