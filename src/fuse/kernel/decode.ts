import { ByteReader, HOST_LITTLE_ENDIAN } from '../../base/byte-reader.js';
import { GETATTR_FH, IN_HEADER_BYTES, INIT_FLAG } from './abi.js';

/** struct fuse_in_header: what precedes every request. */
export interface InHeader {
  readonly opcode: number;
  /** Identifies the request in the reply and in an INTERRUPT. */
  readonly unique: bigint;
  /** One of ours; whatever else it may be, no inode has it. */
  readonly nodeid: number;
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  /** What follows the header, without extensions. */
  readonly body: ByteReader;
}

/**
 * Takes one request, as read from the device, apart.
 *
 * @throws RangeError when the length is not the one that the header states
 */
export function decodeInHeader(message: Uint8Array, littleEndian = HOST_LITTLE_ENDIAN): InHeader {
  const reader = new ByteReader(message, 'FUSE request header', littleEndian);
  const length = reader.u32();
  if (length !== message.length) {
    throw new RangeError(`FUSE request header: length ${length} on a message of ${message.length} bytes`);
  }
  const opcode = reader.u32();
  const unique = reader.u64();
  const nodeid = reader.u64Clamped();
  const uid = reader.u32();
  const gid = reader.u32();
  const pid = reader.u32();
  // Extensions (7.38) follow the body, in units of 8 bytes. They tell what new files are to be given: nothing for us.
  const bodyLength = length - IN_HEADER_BYTES - 8 * reader.u16();
  reader.skip(2);
  const body = new ByteReader(reader.bytes(bodyLength), `FUSE request ${opcode}`, littleEndian);
  return { opcode, unique, nodeid, uid, gid, pid, body };
}

/*
 * Bodies of requests. Each function takes exactly one structure and throws RangeError when there is less or more.
 * Structure names are those of include/uapi/linux/fuse.h.
 */

/** A single name: LOOKUP, UNLINK. */
export function decodeName(body: ByteReader): string {
  const name = body.cString();
  body.end();
  return name;
}

/** fuse_forget_in. @returns lookups to give back */
export function decodeForget(body: ByteReader): number {
  const count = body.u64Clamped();
  body.end();
  return count;
}

export interface Forget {
  readonly nodeid: number;
  readonly count: number;
}

/** fuse_batch_forget_in and as many fuse_forget_one. */
export function decodeBatchForget(body: ByteReader): Forget[] {
  const count = body.u32();
  body.skip(4);
  if (body.remaining !== 16 * count) {
    throw new RangeError(`BATCH_FORGET of ${count} inodes with ${body.remaining} bytes`);
  }
  return Array.from({ length: count }, () => ({ nodeid: body.u64AsNumber(), count: body.u64Clamped() }));
}

/** fuse_getattr_in. @returns the handle, where the kernel asks through one */
export function decodeGetattr(body: ByteReader): number | undefined {
  const flags = body.u32();
  body.skip(4);
  const fh = body.u64();
  body.end();
  return handleOf(flags, fh);
}

/** fuse_statx_in. What is asked for does not matter: all that we know is sent. */
export function decodeStatx(body: ByteReader): number | undefined {
  const flags = body.u32();
  body.skip(4);
  const fh = body.u64();
  body.skip(8);
  body.end();
  return handleOf(flags, fh);
}

function handleOf(flags: number, fh: bigint): number | undefined {
  return (flags & GETATTR_FH) !== 0 && fh <= Number.MAX_SAFE_INTEGER ? Number(fh) : undefined;
}

/** fuse_open_in, also of OPENDIR. @returns flags as open(2) */
export function decodeOpen(body: ByteReader): number {
  const flags = body.u32();
  body.skip(4);
  body.end();
  return flags;
}

export interface ReadRange {
  readonly fh: number;
  /** Bytes; for directories the cookie to go on from. */
  readonly offset: number;
  /** Bytes at most. */
  readonly size: number;
  /** Of the open file at this moment, as open(2) and fcntl(2) set them. */
  readonly openFlags: number;
}

/** fuse_read_in: READ, READDIR, READDIRPLUS. */
export function decodeRead(body: ByteReader): ReadRange {
  const fh = body.u64AsNumber();
  const offset = body.u64Clamped();
  const size = body.u32();
  body.skip(12);
  const openFlags = body.u32();
  body.skip(4);
  body.end();
  return { fh, offset, size, openFlags };
}

/** fuse_release_in, also of RELEASEDIR. @returns the handle */
export function decodeRelease(body: ByteReader): number {
  const fh = body.u64AsNumber();
  body.skip(16);
  body.end();
  return fh;
}

/** fuse_access_in. @returns mask as access(2) */
export function decodeAccess(body: ByteReader): number {
  const mask = body.u32();
  body.skip(4);
  body.end();
  return mask;
}

/** fuse_getxattr_in of LISTXATTR. @returns room in bytes; 0: how much is needed is asked for */
export function decodeListxattr(body: ByteReader): number {
  const size = body.u32();
  body.skip(4);
  body.end();
  return size;
}

/** fuse_getxattr_in and a name. */
export function decodeGetxattr(body: ByteReader): { readonly size: number; readonly name: string } {
  const size = body.u32();
  body.skip(4);
  return { size, name: decodeName(body) };
}

/** fuse_interrupt_in. @returns `unique` of the request that somebody no longer waits for */
export function decodeInterrupt(body: ByteReader): bigint {
  const unique = body.u64();
  body.end();
  return unique;
}

export interface InitRequest {
  readonly major: number;
  readonly minor: number;
  readonly maxReadahead: number;
  readonly flags: number;
  readonly flags2: number;
}

/** fuse_init_in. Kernels since 7.36 send 48 bytes more: `flags2`, and reserve. */
export function decodeInit(body: ByteReader): InitRequest {
  const [major, minor, maxReadahead, flags] = [body.u32(), body.u32(), body.u32(), body.u32()];
  const hasMore = (flags & INIT_FLAG.INIT_EXT) !== 0 && body.remaining >= 4;
  return { major, minor, maxReadahead, flags, flags2: hasMore ? body.u32() : 0 };
}
