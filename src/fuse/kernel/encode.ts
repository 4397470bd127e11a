import type { ByteWriter } from '../../base/byte-writer.js';
import type { Attributes, DirectoryEntry, Entry, StatFs } from '../../fs/index.js';
import { DIRENT_BYTES, ENTRY_OUT_BYTES } from './abi.js';

/* Bodies of replies. Structure names are those of include/uapi/linux/fuse.h. */

/** What the kernel shows for a file of unknown size: the largest offset there is. */
const LARGEST_SIZE = 0x7fff_ffff_ffff_ffffn;

/** statx(2): STATX_BASIC_STATS and STATX_BTIME. */
const STATX_MASK = 0x07ff | 0x0800;

const SECTOR_BYTES = 512;

/** Longer validities mean "for ever" to the kernel as well. */
const MAX_SECONDS = 2 ** 32;

/** fuse_entry_out. */
export function encodeEntry(writer: ByteWriter, entry: Entry): void {
  const { attributes } = entry;
  writer.u64FromNumber(attributes.ino);
  writer.u64FromNumber(entry.generation);
  writer.u64FromNumber(wholeSeconds(entry.validMs));
  writer.u64FromNumber(wholeSeconds(attributes.validMs));
  writer.u32(nanoseconds(entry.validMs));
  writer.u32(nanoseconds(attributes.validMs));
  encodeAttr(writer, attributes);
}

/** fuse_attr_out. */
export function encodeAttrOut(writer: ByteWriter, attributes: Attributes): void {
  writer.u64FromNumber(wholeSeconds(attributes.validMs));
  writer.u32(nanoseconds(attributes.validMs));
  writer.zeros(4);
  encodeAttr(writer, attributes);
}

/**
 * fuse_attr. Access and change time are those of the content, which never changes.
 *
 * blksize 0 leaves `st_blksize` at the page size: tools that copy choose 128 KiB and more by themselves, and a larger
 * value would become the inode's block size in the kernel's page cache (fuse_change_attributes_common), where blocks
 * larger than pages have caused trouble.
 */
function encodeAttr(writer: ByteWriter, attributes: Attributes): void {
  const { size, mtimeMs } = attributes;
  writer.u64FromNumber(attributes.ino);
  writeSize(writer, size);
  writer.u64FromNumber(Math.ceil(size / SECTOR_BYTES));
  for (let time = 0; time < 3; time += 1) writer.u64FromNumber(wholeSeconds(mtimeMs));
  for (let time = 0; time < 3; time += 1) writer.u32(nanoseconds(mtimeMs));
  writer.u32(attributes.mode);
  writer.u32(attributes.nlink);
  writer.u32(attributes.uid);
  writer.u32(attributes.gid);
  writer.zeros(12); // rdev, blksize, flags
}

/** fuse_statx_out. The birth of a file is when its dump was announced or first seen, as for `mtimeMs`. */
export function encodeStatxOut(writer: ByteWriter, attributes: Attributes): void {
  writer.u64FromNumber(wholeSeconds(attributes.validMs));
  writer.u32(nanoseconds(attributes.validMs));
  writer.zeros(4 + 16); // flags, spare
  writer.u32(STATX_MASK);
  writer.zeros(4 + 8); // blksize, attributes
  writer.u32(attributes.nlink);
  writer.u32(attributes.uid);
  writer.u32(attributes.gid);
  writer.u16(attributes.mode);
  writer.zeros(2);
  writer.u64FromNumber(attributes.ino);
  writeSize(writer, attributes.size);
  writer.u64FromNumber(Math.ceil(attributes.size / SECTOR_BYTES));
  writer.zeros(8); // attributes_mask
  for (let time = 0; time < 4; time += 1) {
    writer.u64FromNumber(wholeSeconds(attributes.mtimeMs));
    writer.u32(nanoseconds(attributes.mtimeMs));
    writer.zeros(4);
  }
  writer.zeros(4 * 4 + 14 * 8); // rdev, dev, spare
}

/** fuse_open_out. */
export function encodeOpen(writer: ByteWriter, fh: number, openFlags: number): void {
  writer.u64FromNumber(fh);
  writer.u32(openFlags);
  writer.zeros(4);
}

/** fuse_statfs_out: nothing is free. */
export function encodeStatfs(writer: ByteWriter, statfs: StatFs): void {
  writer.u64FromNumber(statfs.blocks);
  writer.zeros(16);
  writer.u64FromNumber(statfs.files);
  writer.zeros(8);
  writer.u32(statfs.blockSize);
  writer.u32(statfs.nameMax);
  writer.u32(statfs.blockSize);
  writer.zeros(4 + 24);
}

/** fuse_getxattr_out: how many bytes the value has. */
export function encodeXattrSize(writer: ByteWriter, size: number): void {
  writer.u32(size);
  writer.zeros(4);
}

export interface InitReply {
  readonly minor: number;
  readonly maxReadahead: number;
  readonly flags: number;
  readonly maxBackground: number;
  readonly congestionThreshold: number;
  readonly maxWrite: number;
  readonly timeGranNs: number;
  readonly maxPages: number;
}

/** fuse_init_out. */
export function encodeInit(writer: ByteWriter, major: number, reply: InitReply): void {
  writer.u32(major);
  writer.u32(reply.minor);
  writer.u32(reply.maxReadahead);
  writer.u32(reply.flags);
  writer.u16(reply.maxBackground);
  writer.u16(reply.congestionThreshold);
  writer.u32(reply.maxWrite);
  writer.u32(reply.timeGranNs);
  writer.u16(reply.maxPages);
  writer.zeros(2 + 4 + 28); // map_alignment, flags2, and what 7.40 and 7.43 took from the reserve
}

function writeSize(writer: ByteWriter, size: number): void {
  if (size > Number.MAX_SAFE_INTEGER) writer.u64(LARGEST_SIZE);
  else writer.u64FromNumber(size);
}

function wholeSeconds(ms: number): number {
  return Math.min(Math.max(0, Math.floor(ms / 1000)), MAX_SECONDS);
}

function nanoseconds(ms: number): number {
  return ms <= 0 ? 0 : Math.floor((ms % 1000) * 1e6);
}

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
