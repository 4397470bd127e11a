/**
 * Numbers of the FUSE kernel protocol that this transport speaks, all of them from Linux include/uapi/linux/fuse.h.
 *
 * The structures are as of minor 31, and did not change in any minor up to `OUR_MINOR`; what was appended since (init,
 * statx) is said where it is read or written.
 */

export const MAJOR = 7;
/** Linux 5.4: EXPLICIT_INVAL_DATA (7.30) and the layouts of today. */
export const OLDEST_MINOR = 31;
/** Linux 6.12. Nothing that came later is of use to read-only files. */
export const OUR_MINOR = 41;

export const OPCODE = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  DESTROY: 38,
  NOTIFY_REPLY: 41,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  COPY_FILE_RANGE: 47,
  TMPFILE: 51,
  STATX: 52,
} as const;

/** Flags of INIT, both directions. */
export const INIT_FLAG = {
  ASYNC_READ: 1 << 0,
  ATOMIC_O_TRUNC: 1 << 3,
  EXPORT_SUPPORT: 1 << 4,
  DO_READDIRPLUS: 1 << 13,
  READDIRPLUS_AUTO: 1 << 14,
  PARALLEL_DIROPS: 1 << 18,
  ABORT_ERROR: 1 << 21,
  MAX_PAGES: 1 << 22,
  EXPLICIT_INVAL_DATA: 1 << 25,
  /** `flags2` is there to be read. */
  INIT_EXT: 1 << 30,
} as const;

/** Flags of INIT from bit 32 up, which travel in `flags2`. We ask for none of them. */
export const INIT_FLAG2 = {
  /** The kernel offers to ask once more what was not answered (7.40). */
  HAS_RESEND: 1 << 7,
} as const;

/** Bit of a request's number: another process has read it, and has not answered (7.40). */
export const UNIQUE_RESEND = 1n << 63n;

/** The kernel keeps cached pages when the file is opened again. */
export const FOPEN_KEEP_CACHE = 1 << 1;
/** No FLUSH at every close (7.35). */
export const FOPEN_NOFLUSH = 1 << 5;

/** GETATTR and STATX come with a file handle. */
export const GETATTR_FH = 1 << 0;

/** struct fuse_in_header and struct fuse_out_header, in bytes. */
export const IN_HEADER_BYTES = 40;
export const OUT_HEADER_BYTES = 16;

/** struct fuse_dirent without its name; names are padded to a multiple of 8. */
export const DIRENT_BYTES = 24;
/** struct fuse_entry_out, which precedes each fuse_dirent of READDIRPLUS. */
export const ENTRY_OUT_BYTES = 128;

/**
 * Largest write that we offer to take: the least that the kernel allows, as nothing is ever written.
 * It also decides how large the buffer for requests must be (`REQUEST_BUFFER_BYTES`).
 */
export const MAX_WRITE_BYTES = 4096;

/**
 * Room for one request. The kernel demands 8 KiB, or more for a larger `MAX_WRITE_BYTES` (fuse_dev_do_read). The longest
 * request that we want to see is a SETXATTR with a value of 64 KiB (XATTR_SIZE_MAX): with less room the kernel itself
 * would answer it, with E2BIG instead of our ENOTSUP.
 */
export const REQUEST_BUFFER_BYTES = 80 * 1024;
