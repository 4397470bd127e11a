import { abortable } from '../base/abortable.js';
import { FsError } from '../base/errno.js';
import type { Logger } from '../base/log.js';
import { tagName } from '../base/tag.js';
import type { Dump, DumpStore } from '../dump/index.js';

/** When `unlink` may remove a dump. */
export type UnlinkPolicy = 'delivered' | 'force' | 'never';

/** The only path on which a dump is ever invalidated. */
export class Removal {
  readonly #store: DumpStore;
  readonly #policy: UnlinkPolicy;
  readonly #log: Logger;
  /** Unlinked while open: firmware is told when the last handle is closed. */
  readonly #deferred = new Set<Dump>();

  constructor(store: DumpStore, policy: UnlinkPolicy, log: Logger) {
    this.#store = store;
    this.#policy = policy;
    this.#log = log;
  }

  /** @throws FsError EPERM, EBUSY by policy; EIO, EBUSY, ENOENT, EINTR from the attempt */
  unlink(dump: Dump, signal: AbortSignal): Promise<void> | undefined {
    this.#assertAllowed(dump);
    if (dump.openHandles > 0) {
      this.#defer(dump);
      return undefined;
    }
    const work = this.#store.remove(dump).catch((thrown: unknown) => {
      throw asUnlinkFailure(thrown);
    });
    return abortable(work, signal, () => {
      if (dump.cancelInvalidate()) return;
      const fields = { tag: tagName(dump.tag) };
      this.#log.warn('interrupted while firmware was removing the dump: it may be gone', fields);
      work.catch((error: unknown) => {
        this.#log.warn('removing the dump failed after the interrupt', { ...fields, error });
      });
    });
  }

  /** To be called after each close. */
  onHandleClosed(dump: Dump): void {
    if (dump.openHandles > 0 || !this.#deferred.delete(dump)) return;
    dump.removing = false;
    // Gone meanwhile, or hidden by lockdown, which drops what was deferred.
    if (dump.lost !== undefined) return;
    this.#store.remove(dump).catch((error: unknown) => {
      this.#log.error('removing the dump after its last close failed: it is listed again', {
        tag: tagName(dump.tag),
        error,
      });
      this.#store.reveal(dump);
    });
  }

  #defer(dump: Dump): void {
    this.#deferred.add(dump);
    dump.removing = true;
    this.#store.hide(dump);
    this.#log.info('dump unlinked while open: firmware is told when the last reader closes it', {
      tag: tagName(dump.tag),
    });
  }

  #assertAllowed(dump: Dump): void {
    const fields = { tag: tagName(dump.tag), delivered: dump.delivered, size: dump.size?.bytes };
    if (this.#policy === 'never')
      throw new FsError('EPERM', 'removing dumps is switched off (--unlink=never)', { fields });
    if (dump.removing) throw new FsError('EBUSY', 'the dump is being removed already', { fields });
    if (this.#policy === 'delivered' && !dump.isDelivered)
      throw new FsError(
        'EBUSY',
        'not every byte of the dump was delivered yet: copy it first, or mount with --unlink=force',
        { fields },
      );
  }
}

function asUnlinkFailure(thrown: unknown): FsError {
  const failure = FsError.from(thrown);
  if (failure.code !== 'ESTALE') return failure;
  return new FsError('ENOENT', failure.message, { severity: 'debug', fields: failure.fields });
}
