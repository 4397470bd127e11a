import { FsError } from '../base/errno.js';
import type { PinnedBytes } from '../base/pinned-bytes.js';
import type { LockdownGate } from '../lockdown/index.js';
import type {
  Attributes,
  DirectoryEntry,
  Entry,
  Filesystem,
  KernelCacheChange,
  RefusedOperation,
  RequestContext,
  StatFs,
} from './api.js';
import { ROOT_INO } from './api.js';
import { access, getattr, open, read, release, statfs } from './file-operations.js';
import { entryOf, lookup, noSuchName, opendir, unlink } from './name-operations.js';
import { refusal } from './refused.js';
import type { Volume } from './volume.js';
import { getxattr, listxattr } from './xattr-operations.js';

/**
 * The semantics of contract and kernel for dumps: one flat directory of read-only files that `unlink` can remove. Once the
 * kernel is locked down nothing of any dump is shown: names do not exist, open files answer EPERM.
 *
 * Nobody else asks the gate on the way of a request. It is asked before each operation, and again before an answer goes
 * out that may have been waited for, or that carries bytes.
 */
export class GuardedFilesystem implements Filesystem {
  readonly #volume: Volume;
  readonly #gate: LockdownGate;

  constructor(volume: Volume, gate: LockdownGate) {
    this.#volume = volume;
    this.#gate = gate;
  }

  async lookup(parent: number, name: string, context: RequestContext): Promise<Entry> {
    if (isRoot(parent, name)) return lookup(this.#volume, parent, name, context);
    if (this.#gate.locked()) throw name === '.' ? stale() : noSuchName(name);
    const found = lookup(this.#volume, parent, name, context);
    return this.#ifStillOpen(found, (entry) => {
      // Counted already, and the kernel will not give it back.
      if (entry !== undefined) this.forget(entry.attributes.ino, 1);
      return noSuchName(name);
    });
  }

  forget(ino: number, count: number): void {
    this.#volume.inodes.forget(ino, count);
  }

  async getattr(ino: number, context: RequestContext, fh?: number): Promise<Attributes> {
    this.#assertShown(ino);
    const attributes = getattr(this.#volume, ino, context, fh);
    return ino === ROOT_INO ? attributes : this.#ifStillOpen(attributes, locked);
  }

  access(ino: number, mask: number, context: RequestContext): void {
    this.#assertShown(ino);
    access(this.#volume, ino, mask, context);
  }

  open(ino: number, flags: number, context: RequestContext): number {
    this.#assertShown(ino);
    return open(this.#volume, ino, flags, context);
  }

  read(
    fh: number,
    offset: number,
    length: number,
    context: RequestContext,
    isDirect = false,
  ): PinnedBytes | Promise<PinnedBytes> {
    if (this.#gate.locked()) throw locked();
    const lastLook = (bytes: PinnedBytes): PinnedBytes => {
      if (!this.#gate.locked()) return bytes;
      bytes[Symbol.dispose]();
      throw locked();
    };
    const bytes = read(this.#volume, fh, offset, length, context, isDirect);
    return bytes instanceof Promise ? bytes.then(lastLook) : lastLook(bytes);
  }

  release(fh: number): void {
    release(this.#volume, fh);
  }

  opendir(ino: number, context: RequestContext): void {
    opendir(this.#volume, ino, context);
  }

  readdir(offset: number): Iterable<DirectoryEntry> {
    return this.#gate.locked() ? [] : this.#volume.listing.behind(offset);
  }

  entryOf(ino: number, context: RequestContext): Entry | undefined {
    return this.#gate.locked() ? undefined : entryOf(this.#volume, ino, context);
  }

  async unlink(parent: number, name: string, context: RequestContext): Promise<void> {
    if (this.#gate.locked()) throw noSuchName(name);
    await unlink(this.#volume, parent, name, context);
  }

  statfs(): StatFs {
    const all = statfs(this.#volume);
    return this.#gate.locked() ? { ...all, blocks: 0, files: 0 } : all;
  }

  async getxattr(ino: number, name: string, context: RequestContext): Promise<Uint8Array> {
    this.#assertShown(ino);
    return this.#ifStillOpen(getxattr(this.#volume, ino, name, context), locked);
  }

  listxattr(ino: number): readonly string[] {
    this.#assertShown(ino);
    return listxattr(this.#volume, ino);
  }

  refuse(operation: RefusedOperation): FsError {
    return refusal(operation);
  }

  onKernelCacheChange(listener: (change: KernelCacheChange) => void): () => void {
    return this.#volume.changes.subscribe(listener);
  }

  /** Whoever has a file open knows that it is there. */
  #assertShown(ino: number): void {
    if (ino === ROOT_INO || !this.#gate.locked()) return;
    const isOpen = (this.#volume.inodes.get(ino)?.handles.size ?? 0) > 0;
    throw isOpen ? locked() : noSuchName(`of inode ${ino}`);
  }

  /** @param refusal made of what stays here now; undefined: it failed anyway */
  async #ifStillOpen<T>(answer: Promise<T>, refusal: (answer: T | undefined) => FsError): Promise<T> {
    let value: T;
    try {
      value = await answer;
    } catch (thrown) {
      throw this.#gate.locked() ? refusal(undefined) : thrown;
    }
    if (this.#gate.locked()) throw refusal(value);
    return value;
  }
}

/** The directory itself, by the two names that whoever comes with a file handle asks for. */
function isRoot(parent: number, name: string): boolean {
  return name === '..' || (name === '.' && parent === ROOT_INO);
}

function stale(): FsError {
  return new FsError('ESTALE', 'the inode is gone', { severity: 'debug' });
}

function locked(): FsError {
  return new FsError('EPERM', 'dumps are hidden: kernel lockdown is at confidentiality', {
    severity: 'debug',
  });
}
