import { abortable } from '../base/abortable.js';
import { FsError } from '../base/errno.js';
import type { Logger } from '../base/log.js';
import { tagName } from '../base/tag.js';
import type { Dump, DumpStore } from '../dump/index.js';

/** When `unlink` may remove a dump. */
export type UnlinkPolicy = 'delivered' | 'force' | 'never';

/** A signal that ends nothing, say of a child's end, interrupts as well: a prompt answer is better than EINTR for it. */
const LAST_WORD_MS = 500;

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
    return this.#unlessInterrupted(dump, work, signal);
  }

  async #unlessInterrupted(dump: Dump, work: Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      await abortable(work, signal);
    } catch (thrown) {
      if (!signal.aborted || dump.cancelInvalidate()) throw thrown;
      await this.#lastWord(dump, work);
    }
  }

  /** Firmware has been told: only its answer says what came of it. @throws FsError EINTR when that takes long */
  async #lastWord(dump: Dump, work: Promise<void>): Promise<void> {
    const fields = { tag: tagName(dump.tag) };
    let isLate = false;
    work.catch((error: unknown) => {
      if (isLate) this.#log.warn('removing the dump failed after the interrupt', { ...fields, error });
    });
    await abortable(work, AbortSignal.timeout(LAST_WORD_MS), () => {
      isLate = true;
      this.#log.warn('interrupted while firmware was removing the dump: it may be gone', fields);
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
