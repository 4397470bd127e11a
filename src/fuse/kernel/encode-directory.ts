import type { ByteWriter } from '../../base/byte-writer.js';
import type { DirectoryEntry, Entry } from '../../fs/index.js';
import { DIRENT_BYTES, ENTRY_OUT_BYTES } from './abi.js';
import { encodeEntry } from './encode.js';

const DT_DIR = 4;
const DT_REG = 8;

/** READDIR: as many fuse_dirent as fit into `size` bytes; the kernel comes back for the rest. */
export function encodeDirectory(writer: ByteWriter, entries: Iterable<DirectoryEntry>, size: number): void {
  let room = Math.min(size, writer.room);
  for (const entry of entries) {
    room -= recordBytes(entry.name, DIRENT_BYTES);
    if (room < 0) return;
    encodeDirent(writer, entry);
  }
}

/**
 * READDIRPLUS: the same, with attributes before each entry, so that no LOOKUP follows.
 *
 * `entryOf` counts a lookup and is called only for what is sent. Node id 0 says "no attributes": for `.` and `..`, which
 * the kernel never counts (fuse_direntplus_link), and where attributes would have to be waited for.
 *
 * @returns inodes whose lookup was counted
 */
export function encodeDirectoryPlus(
  writer: ByteWriter,
  entries: Iterable<DirectoryEntry>,
  size: number,
  entryOf: (ino: number) => Entry | undefined,
): number[] {
  const counted: number[] = [];
  let room = Math.min(size, writer.room);
  for (const entry of entries) {
    room -= recordBytes(entry.name, ENTRY_OUT_BYTES + DIRENT_BYTES);
    if (room < 0) break;
    const found = entry.name === '.' || entry.name === '..' ? undefined : entryOf(entry.ino);
    if (found === undefined) {
      writer.zeros(ENTRY_OUT_BYTES);
    } else {
      counted.push(found.attributes.ino);
      encodeEntry(writer, found);
    }
    encodeDirent(writer, entry);
  }
  return counted;
}

function recordBytes(name: string, fixedBytes: number): number {
  return fixedBytes + padded(Buffer.byteLength(name));
}

function encodeDirent(writer: ByteWriter, entry: DirectoryEntry): void {
  const nameBytes = Buffer.byteLength(entry.name);
  writer.u64FromNumber(entry.ino);
  writer.u64FromNumber(entry.nextOffset);
  writer.u32(nameBytes);
  writer.u32(entry.isDirectory ? DT_DIR : DT_REG);
  writer.text(entry.name);
  writer.zeros(padded(nameBytes) - nameBytes);
}

/** FUSE_DIRENT_ALIGN: records start at multiples of 8 bytes. */
function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
