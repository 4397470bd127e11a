import { FsError } from '../base/errno.js';
import type { PinnedBytes } from '../base/pinned-bytes.js';
import type { LockdownGate } from '../lockdown/index.js';
import type { DumpFilesystem } from './filesystem.js';
import type {
  Answer,
  Attributes,
  DirectoryEntry,
  Entry,
  Filesystem,
  KernelCacheChange,
  RefusedOperation,
  RequestContext,
  StatFs,
} from './operations.js';
import { ROOT_INO } from './operations.js';

/**
 * Shows nothing of any dump once the kernel is locked down: names do not exist, open files answer EPERM.
 *
 * Nobody else asks the gate on the way of a request. It is asked before each operation, and again before an answer goes
 * out that was waited for, or that carries bytes.
 */
export class GuardedFilesystem implements Filesystem {
  readonly #inner: DumpFilesystem;
  readonly #gate: LockdownGate;

  constructor(inner: DumpFilesystem, gate: LockdownGate) {
    this.#inner = inner;
    this.#gate = gate;
  }

  lookup(parent: number, name: string, context: RequestContext): Answer<Entry> {
    if (this.#gate.locked() && !isRoot(parent, name)) throw name === '.' ? stale() : noSuchName(name);
    const found = this.#inner.lookup(parent, name, context);
    return this.#ifStillOpen(found, (entry) => {
      // Counted already, and the kernel will not give it back.
      if (entry !== undefined) this.#inner.forget(entry.attributes.ino, 1);
      return noSuchName(name);
    });
  }

  forget(ino: number, count: number): void {
    this.#inner.forget(ino, count);
  }

  getattr(ino: number, context: RequestContext, fh?: number): Answer<Attributes> {
    this.#assertShown(ino);
    return this.#ifStillOpen(this.#inner.getattr(ino, context, fh), locked);
  }

  access(ino: number, mask: number, context: RequestContext): void {
    this.#assertShown(ino);
    this.#inner.access(ino, mask, context);
  }

  open(ino: number, flags: number, context: RequestContext): number {
    this.#assertShown(ino);
    return this.#inner.open(ino, flags, context);
  }

  read(
    fh: number,
    offset: number,
    length: number,
    context: RequestContext,
    isDirect?: boolean,
  ): Answer<PinnedBytes> {
    if (this.#gate.locked()) throw locked();
    const lastLook = (bytes: PinnedBytes): PinnedBytes => {
      if (!this.#gate.locked()) return bytes;
      bytes[Symbol.dispose]();
      throw locked();
    };
    const bytes = this.#inner.read(fh, offset, length, context, isDirect);
    return bytes instanceof Promise ? bytes.then(lastLook) : lastLook(bytes);
  }

  release(fh: number): void {
    this.#inner.release(fh);
  }

  opendir(ino: number, context: RequestContext): void {
    this.#inner.opendir(ino, context);
  }

  readdir(offset: number): Iterable<DirectoryEntry> {
    return this.#gate.locked() ? [] : this.#inner.readdir(offset);
  }

  entryOf(ino: number, context: RequestContext): Entry | undefined {
    return this.#gate.locked() ? undefined : this.#inner.entryOf(ino, context);
  }

  unlink(parent: number, name: string, context: RequestContext): Answer<void> {
    if (this.#gate.locked()) throw noSuchName(name);
    return this.#inner.unlink(parent, name, context);
  }

  statfs(): StatFs {
    const { blockSize, nameMax, blocks, files } = this.#inner.statfs();
    return this.#gate.locked()
      ? { blockSize, nameMax, blocks: 0, files: 0 }
      : { blockSize, nameMax, blocks, files };
  }

  getxattr(ino: number, name: string, context: RequestContext): Answer<Uint8Array> {
    this.#assertShown(ino);
    return this.#ifStillOpen(this.#inner.getxattr(ino, name, context), locked);
  }

  listxattr(ino: number): readonly string[] {
    this.#assertShown(ino);
    return this.#inner.listxattr(ino);
  }

  refuse(operation: RefusedOperation): FsError {
    return this.#inner.refuse(operation);
  }

  onKernelCacheChange(listener: (change: KernelCacheChange) => void): () => void {
    return this.#inner.onKernelCacheChange(listener);
  }

  /** Whoever has a file open knows that it is there. */
  #assertShown(ino: number): void {
    if (ino === ROOT_INO || !this.#gate.locked()) return;
    throw this.#inner.isOpen(ino) ? locked() : noSuchName(`of inode ${ino}`);
  }

  /** @param refusal made of what stays here now; undefined: it failed anyway */
  #ifStillOpen<T>(answer: Answer<T>, refusal: (answer: T | undefined) => FsError): Answer<T> {
    if (!(answer instanceof Promise)) return answer;
    return answer.then(
      (value) => {
        if (this.#gate.locked()) throw refusal(value);
        return value;
      },
      (thrown: unknown) => {
        throw this.#gate.locked() ? refusal(undefined) : thrown;
      },
    );
  }
}

/** The directory itself, by the two names that whoever comes with a file handle asks for. */
function isRoot(parent: number, name: string): boolean {
  return name === '..' || (name === '.' && parent === ROOT_INO);
}

function stale(): FsError {
  return new FsError('ESTALE', 'the inode is gone', { severity: 'debug' });
}

function noSuchName(name: string): FsError {
  return new FsError('ENOENT', `no dump ${name}`, { severity: 'debug' });
}

function locked(): FsError {
  return new FsError('EPERM', 'dumps are hidden: kernel lockdown is at confidentiality', {
    severity: 'debug',
  });
}
