import { randomInt } from 'node:crypto';
import { FsError } from '../base/errno.js';
import { Listeners } from '../base/listeners.js';
import type { Logger } from '../base/log.js';
import { tagName } from '../base/tag.js';
import type { Dump, DumpStore, StoreEvent } from '../dump/index.js';
import type { Attributes, Entry, KernelCacheChange, RequestContext } from './api.js';
import { ROOT_INO } from './api.js';
import type { Ownership } from './attributes.js';
import { dumpAttributes, dumpEntry, rootAttributes } from './attributes.js';
import type { HandedHandle, Handle, Inode } from './inode-table.js';
import { InodeTable, inoOf } from './inode-table.js';
import { Listing } from './listing.js';
import { assertPermitted } from './permissions.js';
import type { UnlinkPolicy } from './removal.js';
import { Removal } from './removal.js';

export interface VolumeOptions extends Ownership {
  readonly store: DumpStore;
  readonly unlinkPolicy: UnlinkPolicy;
  readonly readOnly: boolean;
  /** Of the process that served the mount before. */
  readonly handed?: HandedVolume | undefined;
  readonly log: Logger;
}

/** What another process needs to go on with a mount, beside the dumps. */
export interface HandedVolume {
  readonly mountedAtMs: number;
  readonly generation: number;
  readonly handles: readonly HandedHandle[];
}

/** What one mount knows beside the dumps themselves, and what all families of operations share. */
export class Volume implements AsyncDisposable {
  readonly options: VolumeOptions;
  readonly store: DumpStore;
  readonly inodes = new InodeTable();
  readonly listing: Listing;
  readonly removal: Removal;
  readonly changes = new Listeners<KernelCacheChange>();
  /** Dumps whose names the kernel itself is removing right now: it needs no notification. */
  readonly unlinking = new Set<Dump>();
  readonly #mountedAtMs: number;
  /** Tells this mount's inode numbers from those of the mount before, for whoever kept a file handle of it. */
  readonly #generation: number;

  constructor(options: VolumeOptions) {
    this.options = options;
    this.store = options.store;
    this.removal = new Removal(options.store, options.unlinkPolicy, options.log);
    this.listing = new Listing(() => this.store.dumps());
    const { handed } = options;
    this.#mountedAtMs = handed?.mountedAtMs ?? Date.now();
    this.#generation = handed?.generation ?? randomInt(1, 2 ** 32);
    if (handed !== undefined) this.#inherit(handed);
    this.store.events.subscribe((event) => {
      this.#onStoreEvent(event);
    });
  }

  #inherit({ handles }: HandedVolume): void {
    for (const dump of this.store.everyDump()) this.inodes.inherit(dump);
    for (const dump of this.store.unlinked()) this.removal.inherit(dump);
    for (const handle of handles) this.inodes.inheritHandle(handle);
  }

  /** What another process needs to go on. */
  handOver(): HandedVolume {
    return {
      mountedAtMs: this.#mountedAtMs,
      generation: this.#generation,
      handles: this.inodes.handOver(),
    };
  }

  /** Goes on with a mount that the kernel knows already: what the process before may not have done any more is done. */
  goOn(): void {
    for (const dump of this.store.everyDump()) {
      // What readers received last may not have been handed over: cached, it would never be asked for again.
      if (dump.lost === undefined && !dump.isDelivered)
        this.changes.emit({ kind: 'pages', ino: inoOf(dump) });
      this.#onLost(dump);
      this.removal.onHandleClosed(dump);
    }
  }

  /** The mount has ended. Says what was accepted and will not be done. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.removal.end();
  }

  /** Makes the kernel drop every page that it may have, those of open files first. */
  dropPages(): void {
    this.changes.emit({ kind: 'all pages', ...this.inodes.numbers() });
  }

  get rootAttributes(): Attributes {
    return rootAttributes(this.options, this.#mountedAtMs);
  }

  /** @throws FsError ESTALE */
  inode(ino: number): Inode {
    const inode = this.inodes.get(ino);
    if (inode === undefined) throw new FsError('ESTALE', `inode ${ino} is gone`, { severity: 'debug' });
    return inode;
  }

  /** @throws FsError EBADF */
  handle(fh: number): Handle {
    const handle = this.inodes.handle(fh);
    if (handle === undefined) throw new FsError('EBADF', `no open file ${fh}`);
    return handle;
  }

  /** What the kernel is told of a name. Counts one lookup. */
  entry(dump: Dump, { isCheckedByKernel, pid }: RequestContext): Entry {
    const entry = dumpEntry(dump, this.options, this.#generation);
    this.inodes.lookUp(dump).told.tell(entry.attributes.size, pid);
    // A name that the kernel resolves without asking is one that it lets everybody use.
    return isCheckedByKernel ? entry : { ...entry, validMs: 0 };
  }

  /** @param wanted R_OK, W_OK, X_OK @throws FsError EACCES */
  assertPermitted(ino: number, wanted: number, context: RequestContext): void {
    if (context.isCheckedByKernel) return;
    const attributes =
      ino === ROOT_INO ? this.rootAttributes : dumpAttributes(this.inode(ino).dump, this.options);
    assertPermitted(context, attributes, wanted);
  }

  #onStoreEvent(event: StoreEvent): void {
    const { dump } = event;
    const ino = inoOf(dump);
    const name = tagName(dump.tag);
    switch (event.kind) {
      case 'added':
        this.listing.refresh();
        this.changes.emit({ kind: 'entry', name });
        break;
      case 'removed':
        this.listing.refresh();
        if (!this.unlinking.has(dump)) this.changes.emit({ kind: 'delete', name, ino });
        break;
      case 'size':
        this.#onSizeChange(ino);
        break;
      case 'lost':
        this.#onLost(dump);
        break;
    }
  }

  /** What readers got of a dump that is merely gone may stay with them. At lockdown the kernel has been told already. */
  #onLost(dump: Dump): void {
    if (dump.lost === 'mixed' || dump.lost === 'not-authorized')
      this.changes.emit({ kind: 'pages', ino: inoOf(dump) });
  }

  /**
   * A size that may be corrected is asked for each time anyway. To tell the kernel of it while a read is under way would
   * keep it from taking that read's answer for the end (`ToldSizes`).
   */
  #onSizeChange(ino: number): void {
    const inode = this.inodes.get(ino);
    if (inode?.handles.size !== 0) return;
    inode.told.tell(Infinity, 0);
    this.changes.emit({ kind: 'attributes', ino });
  }
}

/** What became of a dump that the kernel still has an inode of. */
export function stale(dump: Dump): FsError {
  return new FsError('ESTALE', 'the dump is gone', { severity: 'debug', fields: { tag: tagName(dump.tag) } });
}
