import type { FsError } from '../base/errno.js';
import type { PinnedBytes } from '../base/pinned-bytes.js';

/** Who asks, and how they may change their mind. */
export interface RequestContext {
  /** Undefined: the transport is not told, and cannot tell. */
  readonly uid: number | undefined;
  readonly gid: number;
  readonly pid: number;
  /** Supplementary groups, as far as they can be found out. */
  groups(): readonly number[];
  /** The kernel has compared owner, group and mode with the caller before it asked (`default_permissions`). */
  readonly isCheckedByKernel: boolean;
  /** The process that served the mount before was asked already, and may have done it. Absent: nobody was. */
  readonly isResent?: boolean;
  /** Aborted by FUSE_INTERRUPT. Created on first use: most requests never wait. */
  readonly signal: AbortSignal;
}

export const ROOT_INO = 1;
/** Most bytes of a name, as the kernel is told. */
export const NAME_MAX = 255;

export interface Attributes {
  readonly ino: number;
  /** File type and permissions, as `st_mode`. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes; exact unless `validMs` is 0. */
  readonly size: number;
  readonly mtimeMs: number;
  /** How long the kernel may answer stat(2) from its own copy, in milliseconds. */
  readonly validMs: number;
}

export interface Entry {
  readonly attributes: Attributes;
  /** Differs between two mounts, so that a file handle of an earlier one is not taken for another dump. 32 bits. */
  readonly generation: number;
  /** How long the kernel may resolve the name without asking, in milliseconds. */
  readonly validMs: number;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly ino: number;
  readonly isDirectory: boolean;
  /** Offset that continues any listing behind this entry, for as long as the process runs. */
  readonly nextOffset: number;
}

export interface StatFs {
  readonly blockSize: number;
  /** In units of `blockSize`. */
  readonly blocks: number;
  readonly files: number;
  readonly nameMax: number;
}

/** What the kernel has to forget. Emitted by the filesystem, sent by the transport. */
export type KernelCacheChange =
  /** Attributes of an inode are out of date (a corrected size). */
  | { readonly kind: 'attributes'; readonly ino: number }
  /** Attributes and all cached pages of an inode have to go, mapped ones too. */
  | { readonly kind: 'pages'; readonly ino: number }
  /** Lockdown: the same, before anything else, for every inode that the kernel may know; those of open files first. */
  | { readonly kind: 'all pages'; readonly open: readonly number[]; readonly others: readonly number[] }
  /** A name of the root directory has to be looked up again. */
  | { readonly kind: 'entry'; readonly name: string }
  /** A name of the root directory and its inode are gone. */
  | { readonly kind: 'delete'; readonly name: string; readonly ino: number };

/** System calls that would change something other than removing a dump. */
export type RefusedOperation =
  | 'create'
  | 'mkdir'
  | 'mknod'
  | 'rename'
  | 'link'
  | 'symlink'
  | 'rmdir'
  | 'write'
  | 'setattr'
  | 'setxattr'
  | 'removexattr'
  | 'fallocate';

/**
 * The semantics of the mount, by inode: no wire format, no paths. Failures are thrown (or rejected) as `FsError`.
 * Both transports and the tests call exactly this.
 */
export interface Filesystem {
  /**
   * Counts one lookup of the inode that it returns. `.` is the inode `parent` itself, also when the kernel has given all
   * lookups of it back, and `..` the root.
   *
   * @throws ENOENT; ESTALE for `.`
   */
  lookup(parent: number, name: string, context: RequestContext): Promise<Entry>;
  /** Gives back `count` lookups. */
  forget(ino: number, count: number): void;
  /** Waits while the size is unknown. `fh`: the handle through which a read is about to cross the known end. */
  getattr(ino: number, context: RequestContext, fh?: number): Promise<Attributes>;
  /** @param flags as open(2) @throws EACCES for writing */
  open(ino: number, flags: number, context: RequestContext): number;
  /**
   * Shorter than `length` only at the true end of the dump. What is cached is answered at once.
   *
   * @param isDirect past the kernel's page cache, so that the reader sees what is answered and nothing else
   */
  read(
    fh: number,
    offset: number,
    length: number,
    context: RequestContext,
    isDirect?: boolean,
  ): PinnedBytes | Promise<PinnedBytes>;
  release(fh: number): void;
  /** Open directories have no state. */
  opendir(ino: number, context: RequestContext): void;
  /** Entries behind `offset`, as they are now. Touches no firmware. */
  readdir(offset: number): Iterable<DirectoryEntry>;
  /** For READDIRPLUS: counts one lookup, or gives nothing when the attributes are not known without waiting. */
  entryOf(ino: number, context: RequestContext): Entry | undefined;
  unlink(parent: number, name: string, context: RequestContext): Promise<void>;
  /** Asked where the kernel does not check permissions. @param mask R_OK, W_OK, X_OK @throws EACCES */
  access(ino: number, mask: number, context: RequestContext): void;
  statfs(): StatFs;
  getxattr(ino: number, name: string, context: RequestContext): Promise<Uint8Array>;
  listxattr(ino: number): readonly string[];
  /** The errno for an operation that this filesystem never performs. */
  refuse(operation: RefusedOperation): FsError;
  onKernelCacheChange(listener: (change: KernelCacheChange) => void): () => void;
}
