import { randomInt } from 'node:crypto';
import { constants } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { FsError, interrupted } from '../base/errno.js';
import { Listeners } from '../base/listeners.js';
import type { Logger } from '../base/log.js';
import type { PinnedBytes } from '../base/pinned-bytes.js';
import type { DumpTag } from '../base/tag.js';
import { tagFromName, tagName } from '../base/tag.js';
import type { Dump, DumpStore, Prober, StoreEvent } from '../dump/index.js';
import type { Ownership } from './attributes.js';
import { dumpAttributes, dumpEntry, rootAttributes, rootEntry } from './attributes.js';
import type { Handle, Inode } from './inode-table.js';
import { InodeTable, inoOf } from './inode-table.js';
import { Listing } from './listing.js';
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
import { assertPermitted } from './permissions.js';
import { refusal } from './refused.js';
import type { UnlinkPolicy } from './removal.js';
import { Removal } from './removal.js';
import type { Arrival } from './told-sizes.js';
import { noXattr, readXattr, XATTR_NAMES } from './xattr.js';

export interface FilesystemOptions extends Ownership {
  readonly store: DumpStore;
  readonly unlinkPolicy: UnlinkPolicy;
  readonly readOnly: boolean;
  readonly log: Logger;
}

/** A request for bytes, on its way. */
interface Read {
  readonly handle: Handle;
  readonly offset: number;
  readonly length: number;
  readonly context: RequestContext;
  readonly isDirect: boolean;
  readonly arrival: Arrival;
}

const STATFS_BLOCK_BYTES = 4096;
const NAME_MAX = 255;

/**
 * The semantics of contract and kernel for dumps: one flat directory of read-only files that `unlink` can remove. What
 * lockdown hides is `GuardedFilesystem`'s business.
 */
export class DumpFilesystem implements Filesystem, AsyncDisposable {
  readonly #options: FilesystemOptions;
  readonly #store: DumpStore;
  readonly #inodes = new InodeTable();
  readonly #listing: Listing;
  readonly #removal: Removal;
  readonly #changes = new Listeners<KernelCacheChange>();
  readonly #mountedAtMs = Date.now();
  /** Tells this mount's inode numbers from those of the mount before, for whoever kept a file handle of it. */
  readonly #generation = randomInt(1, 2 ** 32);
  /** Dumps whose names the kernel itself is removing right now: it needs no notification. */
  readonly #unlinking = new Set<Dump>();

  constructor(options: FilesystemOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#removal = new Removal(options.store, options.unlinkPolicy, options.log);
    this.#listing = new Listing(() => this.#store.dumps());
    this.#store.events.subscribe((event) => {
      this.#onStoreEvent(event);
    });
  }

  /** Lockdown: what was unlinked while open is not removed any more. */
  dropUnlinked(): void {
    this.#removal.drop();
  }

  /** The mount has ended. Says what was accepted and will not be done. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#removal.end();
  }

  // --- names ---

  lookup(parent: number, name: string, context: RequestContext): Answer<Entry> {
    if (name === '.' || name === '..') return this.#lookupDot(parent, name, context);
    this.#assertPermitted(ROOT_INO, constants.X_OK, context);
    const tag = this.#tagOf(parent, name);
    if (tag === undefined) throw noSuchName(name);
    const dump = this.#store.find(tag);
    if (dump !== undefined) return this.#entry(dump, context);
    const prober = this.#proberFor(context);
    if (prober === undefined || !isPlausible(tag)) throw noSuchName(name);
    return this.#probe(tag, name, prober, context);
  }

  forget(ino: number, count: number): void {
    this.#inodes.forget(ino, count);
  }

  unlink(parent: number, name: string, context: RequestContext): Answer<void> {
    this.#assertPermitted(ROOT_INO, constants.W_OK | constants.X_OK, context);
    const tag = this.#tagOf(parent, name);
    const dump = tag === undefined ? undefined : this.#store.find(tag);
    if (dump === undefined) throw noSuchName(name);
    if (this.#options.readOnly) throw new FsError('EROFS', 'mounted read-only', { severity: 'debug' });
    return this.#unlinkQuietly(dump, context.signal);
  }

  opendir(ino: number, context: RequestContext): void {
    if (ino !== ROOT_INO) throw new FsError('ENOTDIR', 'a dump is no directory', { severity: 'debug' });
    this.#assertPermitted(ino, constants.R_OK, context);
  }

  readdir(offset: number): Iterable<DirectoryEntry> {
    return this.#listing.behind(offset);
  }

  entryOf(ino: number, context: RequestContext): Entry | undefined {
    const dump = this.#listing.dumpOf(ino);
    // Without an exact size there is nothing that a caller of readdir could use without asking again.
    return dump?.size === undefined ? undefined : this.#entry(dump, context);
  }

  // --- attributes ---

  getattr(ino: number, context: RequestContext, fh?: number): Answer<Attributes> {
    if (ino === ROOT_INO) return rootAttributes(this.#options, this.#mountedAtMs);
    const inode = this.#inode(ino);
    const handle = fh === undefined ? undefined : this.#inodes.handle(fh);
    if (inode.dump.lost !== undefined && inode.dump.size === undefined) throw stale(inode.dump);
    const mayChange = inode.dump.lost === undefined && inode.dump.size?.exact !== true;
    // Others hear what a reader at the end waits for as well: an older size must not overtake the answer to it.
    if (mayChange && (handle !== undefined || inode.confirming > 0))
      return this.#confirmedAttributes(inode, handle, context);
    if (inode.dump.size !== undefined) return this.#told(inode, handle, context);
    return inode.dump.measure(context.signal).then(() => this.#told(inode, handle, context));
  }

  access(ino: number, mask: number, context: RequestContext): void {
    if (ino !== ROOT_INO) this.#inode(ino);
    this.#assertPermitted(ino, mask, context);
    if ((mask & constants.W_OK) !== 0 && ino !== ROOT_INO)
      throw new FsError('EACCES', 'dumps are read-only', { severity: 'debug' });
  }

  statfs(): StatFs {
    let bytes = 0;
    let files = 0;
    for (const dump of this.#store.dumps()) {
      bytes += dump.size?.bytes ?? 0;
      files += 1;
    }
    return {
      blockSize: STATFS_BLOCK_BYTES,
      blocks: Math.ceil(bytes / STATFS_BLOCK_BYTES),
      files,
      nameMax: NAME_MAX,
    };
  }

  getxattr(ino: number, name: string, context: RequestContext): Answer<Uint8Array> {
    if (ino === ROOT_INO) throw noXattr(name);
    const { dump } = this.#inode(ino);
    this.#assertPermitted(ino, constants.R_OK, context);
    return readXattr(dump, this.#store.source.name, name, () => context.signal);
  }

  listxattr(ino: number): readonly string[] {
    if (ino === ROOT_INO) return [];
    this.#inode(ino);
    return XATTR_NAMES;
  }

  // --- open files ---

  open(ino: number, flags: number, context: RequestContext): number {
    const inode = this.#inode(ino);
    const writes = (flags & (constants.O_WRONLY | constants.O_RDWR | constants.O_TRUNC)) !== 0;
    if (writes) throw new FsError('EACCES', 'dumps are read-only', { severity: 'debug' });
    this.#assertPermitted(ino, constants.R_OK, context);
    // ESTALE makes the kernel look the name up once more: the tag may have come back.
    if (inode.dump.lost !== undefined) throw stale(inode.dump);
    return this.#inodes.open(inode).fh;
  }

  read(
    fh: number,
    offset: number,
    length: number,
    context: RequestContext,
    isDirect = false,
  ): Answer<PinnedBytes> {
    const handle = this.#handle(fh);
    const { dump, told } = handle.inode;
    const read = { handle, offset, length, context, isDirect, arrival: told.arrival(context.pid) };
    const bytes = dump.read(offset, length, handle.knownSize, () => context.signal);
    if (bytes instanceof Promise) return bytes.then((late) => this.#checked(late, read));
    return this.#checked(bytes, read);
  }

  release(fh: number): void {
    const handle = this.#inodes.handle(fh);
    if (handle === undefined) return;
    this.#inodes.close(handle);
    this.#removal.onHandleClosed(handle.inode.dump);
  }

  // --- the rest ---

  refuse(operation: RefusedOperation): FsError {
    return refusal(operation);
  }

  onKernelCacheChange(listener: (change: KernelCacheChange) => void): () => void {
    return this.#changes.subscribe(listener);
  }

  /** Makes the kernel drop every page that it may have, those of open files first. */
  dropPages(): void {
    this.#changes.emit({ kind: 'all pages', ...this.#inodes.numbers() });
  }

  /** Whether somebody has a file of this inode open. */
  isOpen(ino: number): boolean {
    return (this.#inodes.get(ino)?.handles.size ?? 0) > 0;
  }

  /** For tests and metrics: both return to zero when every reader has left. */
  get counts(): { readonly inodes: number; readonly handles: number } {
    return this.#inodes.counts;
  }

  #unlinkQuietly(dump: Dump, signal: AbortSignal): Promise<void> | undefined {
    const done = (): void => void this.#unlinking.delete(dump);
    let work: Promise<void> | undefined;
    this.#unlinking.add(dump);
    try {
      work = this.#removal.unlink(dump, signal);
    } finally {
      if (work === undefined) done();
    }
    return work?.finally(done);
  }

  #entry(dump: Dump, { isCheckedByKernel, pid }: RequestContext): Entry {
    const entry = dumpEntry(dump, this.#options, this.#generation);
    this.#inodes.lookUp(dump).told.tell(entry.attributes.size, pid);
    // A name that the kernel resolves without asking is one that it lets everybody use.
    return isCheckedByKernel ? entry : { ...entry, validMs: 0 };
  }

  #assertPermitted(ino: number, wanted: number, context: RequestContext): void {
    if (context.isCheckedByKernel) return;
    const attributes =
      ino === ROOT_INO
        ? rootAttributes(this.#options, this.#mountedAtMs)
        : dumpAttributes(this.#inode(ino).dump, this.#options);
    assertPermitted(context, attributes, wanted);
  }

  /**
   * What the kernel asks when somebody comes with a file handle (open_by_handle_at(2), an NFS client) whose inode it has
   * dropped meanwhile: the inode itself, and the directory that it is in.
   */
  #lookupDot(ino: number, name: '.' | '..', context: RequestContext): Entry {
    if (ino === ROOT_INO || name === '..') return rootEntry(this.#options, this.#mountedAtMs);
    const dump = this.#inodes.get(ino)?.dump ?? this.#listing.dumpOf(ino);
    if (dump === undefined) throw new FsError('ESTALE', `inode ${ino} is gone`, { severity: 'debug' });
    return this.#entry(dump, context);
  }

  /** @throws FsError where no name can be, there or not */
  #tagOf(parent: number, name: string): DumpTag | undefined {
    if (parent !== ROOT_INO) throw new FsError('ENOTDIR', 'dumps have no entries', { severity: 'debug' });
    if (nameBytes(name) > NAME_MAX)
      throw new FsError('ENAMETOOLONG', `names have ${NAME_MAX} bytes at most`, { severity: 'debug' });
    return tagFromName(name);
  }

  /** Whoever may not ask firmware for names is undefined: they could keep it busy, and fill its log. */
  #proberFor({ uid }: RequestContext): Prober | undefined {
    if (uid === 0) return 'root';
    return uid === this.#options.uid ? 'owner' : undefined;
  }

  async #probe(tag: DumpTag, name: string, prober: Prober, context: RequestContext): Promise<Entry> {
    const dump = await this.#store.probe(tag, prober, context.signal);
    if (dump === undefined) throw noSuchName(name);
    return this.#entry(dump, context);
  }

  /** A read is about to cross the end that the kernel knows: if firmware is near it, its word comes first. */
  async #confirmedAttributes(
    inode: Inode,
    handle: Handle | undefined,
    context: RequestContext,
  ): Promise<Attributes> {
    const { signal } = context;
    inode.confirming += 1;
    try {
      await inode.dump.confirmSize(signal);
      if (inode.dump.size === undefined) await inode.dump.measure(signal);
    } finally {
      inode.confirming -= 1;
    }
    return this.#told(inode, handle, context);
  }

  /** Attributes as they go out: from now on the reader counts on this size. */
  #told(inode: Inode, handle: Handle | undefined, { pid }: RequestContext): Attributes {
    const bytes = inode.dump.size?.bytes;
    if (handle !== undefined) handle.knownSize = bytes;
    for (const open of inode.handles) open.knownSize ??= bytes;
    const attributes = dumpAttributes(inode.dump, this.#options);
    inode.told.tell(attributes.size, pid);
    return attributes;
  }

  /** What was read, unless the reader would take it for something else than it is. */
  #checked(bytes: PinnedBytes, read: Read): Answer<PinnedBytes> {
    const { dump } = read.handle.inode;
    if (dump.lost === 'not-authorized') {
      bytes[Symbol.dispose]();
      throw new FsError('EPERM', 'the platform delivers this dump elsewhere');
    }
    const { knownSize = 0 } = read.handle;
    // Whoever trusts a size that is too small copies too little and believes that this is all.
    if (knownSize > 0 && read.offset + read.length >= knownSize && dump.exceeds(knownSize)) {
      bytes[Symbol.dispose]();
      throw announcedWrong('longer', dump, knownSize);
    }
    return bytes.length < read.length && !read.isDirect ? this.#ending(bytes, read) : bytes;
  }

  /** The end of a dump is about to be shown: it has to become the size that the kernel believes in. */
  #ending(bytes: PinnedBytes, read: Read): PinnedBytes | Promise<PinnedBytes> {
    const { handle, offset, context } = read;
    const { dump, told } = handle.inode;
    const settlesInMs = told.settlesIn(read.arrival, offset, dump.size?.bytes ?? 0);
    if (settlesInMs === undefined) {
      told.tell(offset + bytes.length, context.pid, true);
      return bytes;
    }
    bytes[Symbol.dispose]();
    // Mostly this is the kernel's read-ahead. When that fails, nobody is told, and the kernel asks for the page that somebody
    // waits for alone; the answer to that is safe if it does so late enough.
    return sleepUnlessInterrupted(settlesInMs, context.signal).then(() => {
      throw announcedWrong('shorter', dump, handle.knownSize);
    });
  }

  #inode(ino: number): Inode {
    const inode = this.#inodes.get(ino);
    if (inode === undefined) throw new FsError('ESTALE', `inode ${ino} is gone`, { severity: 'debug' });
    return inode;
  }

  #handle(fh: number): Handle {
    const handle = this.#inodes.handle(fh);
    if (handle === undefined) throw new FsError('EBADF', `no open file ${fh}`);
    return handle;
  }

  /**
   * A size that may be corrected is asked for each time anyway. To tell the kernel of it while a read is under way would
   * keep it from taking that read's answer for the end (`ToldSizes`).
   */
  #onSizeChange(ino: number): void {
    const inode = this.#inodes.get(ino);
    if (inode?.handles.size !== 0) return;
    inode.told.tell(Infinity, 0);
    this.#changes.emit({ kind: 'attributes', ino });
  }

  #onStoreEvent(event: StoreEvent): void {
    const { dump } = event;
    const ino = inoOf(dump);
    const name = tagName(dump.tag);
    switch (event.kind) {
      case 'added':
        this.#listing.refresh();
        this.#changes.emit({ kind: 'entry', name });
        break;
      case 'removed':
        this.#listing.refresh();
        if (!this.#unlinking.has(dump)) this.#changes.emit({ kind: 'delete', name, ino });
        break;
      case 'size':
        this.#onSizeChange(ino);
        break;
      case 'lost':
        // What readers got of a dump that is merely gone may stay with them. At lockdown the kernel has been told already.
        if (event.why === 'mixed' || event.why === 'not-authorized')
          this.#changes.emit({ kind: 'pages', ino });
        break;
    }
  }
}

function announcedWrong(how: 'longer' | 'shorter', dump: Dump, announced: number | undefined): FsError {
  return new FsError('EIO', `the dump is ${how} than announced: open it again to read all of it`, {
    fields: { tag: tagName(dump.tag), announced },
    // Whoever reads on gets everything: see `#ending`.
    severity: how === 'longer' ? 'warn' : 'info',
  });
}

async function sleepUnlessInterrupted(ms: number, signal: AbortSignal): Promise<void> {
  try {
    // A timer may fire a little early.
    await sleep(ms + 10, undefined, { signal });
  } catch {
    throw interrupted();
  }
}

/** Tags that announcements can carry: an 8-bit dump type above a 32-bit id (LoPAR, Dump Locator section). */
function isPlausible(tag: DumpTag): boolean {
  const type = tag >> 32n;
  return type >= 1n && type <= 0xffn;
}

/** Length of a name as the kernel had it: a byte that was no UTF-8 has become U+FFFD, which takes three. */
function nameBytes(name: string): number {
  return Buffer.byteLength(name) - 2 * (name.split('\ufffd').length - 1);
}

function noSuchName(name: string): FsError {
  return new FsError('ENOENT', `no dump ${name}`, { severity: 'debug' });
}

function stale(dump: Dump): FsError {
  return new FsError('ESTALE', 'the dump is gone', { severity: 'debug', fields: { tag: tagName(dump.tag) } });
}
