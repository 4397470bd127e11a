import { setTimeout as sleep } from 'node:timers/promises';
import { abortable } from '../base/abortable.js';
import { FsError } from '../base/errno.js';
import type { Logger } from '../base/log.js';
import { tagName } from '../base/tag.js';
import type { Dump, DumpStore } from '../dump/index.js';

/** When `unlink` may remove a dump. */
export type UnlinkPolicy = 'delivered' | 'saved' | 'force' | 'never';

/** How long a removal that began with the last close may take, once the mount has ended. */
const END_MS = 2000;

/** A signal that ends nothing, say of a child's end, interrupts as well: a prompt answer is better than EINTR for it. */
const LAST_WORD_MS = 500;

/** What a removal needs of the dumps. */
type Removable = Pick<DumpStore, 'remove' | 'hide' | 'unlinked'>;

/** The only path on which a dump is ever invalidated. */
export class Removal {
  readonly #store: Removable;
  readonly #policy: UnlinkPolicy;
  readonly #log: Logger;
  /** What the last close began, until firmware has answered. Never rejects. */
  readonly #begun = new Map<Dump, Promise<void>>();
  /** What unlink(2) waits for. */
  readonly #waitedFor = new Set<Promise<void>>();
  /** Accepted by another process, which had this dump or another before it: of these the same one only is removed. */
  readonly #ofAnother = new WeakSet<Dump>();
  #isEnding = false;
  #hasEnded = false;
  #isHandedOver = false;

  constructor(store: Removable, policy: UnlinkPolicy, log: Logger) {
    this.#store = store;
    this.#policy = policy;
    this.#log = log;
  }

  /** Another process has accepted to remove it when its last handle is closed. */
  inherit(dump: Dump): void {
    this.#ofAnother.add(dump);
  }

  /**
   * @param isResent another process was asked the same, of whatever had the tag then
   * @throws FsError EPERM, EBUSY by policy; EIO, EBUSY, ENOENT, EINTR from the attempt
   */
  async unlink(dump: Dump, signal: AbortSignal, isResent = false): Promise<void> {
    this.#assertAllowed(dump, isResent);
    if (isResent) this.#ofAnother.add(dump);
    else this.#ofAnother.delete(dump);
    if (dump.openHandles > 0) {
      this.#defer(dump);
      return;
    }
    const work = this.#store.remove(dump, this.#isForced(dump)).catch((thrown: unknown) => {
      throw asUnlinkFailure(thrown, dump);
    });
    this.#waitedFor.add(work);
    try {
      await abortable(work, signal);
    } catch (thrown) {
      if (!signal.aborted || dump.cancelInvalidate()) throw thrown;
      await this.#lastWord(dump, work);
    } finally {
      this.#waitedFor.delete(work);
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
    if (dump.openHandles > 0 || dump.removal !== 'accepted' || dump.lost !== undefined || this.#isEnding)
      return;
    const removal = this.#store
      .remove(dump, this.#isForced(dump))
      .catch((error: unknown) => {
        // Lockdown and the end of the mount end it as well, and have said so.
        if (dump.lost === 'locked' || this.#hasEnded) return;
        if (dump.lost !== undefined) {
          this.#log.warn(
            'an unlinked dump is not removed: it is no longer what firmware holds under its tag',
            {
              tag: tagName(dump.tag),
            },
          );
          return;
        }
        this.#log.error('removing the dump after its last close failed: it is listed again', {
          tag: tagName(dump.tag),
          error,
        });
      })
      .finally(() => this.#begun.delete(dump));
    this.#begun.set(dump, removal);
  }

  /** Lockdown is about to take every dump away: firmware keeps what was accepted to be removed later. */
  drop(): void {
    const dumps = this.#store.unlinked().length + this.#begun.size;
    if (dumps > 0)
      this.#log.warn('unlinked dumps stay in firmware: lockdown came before they were removed', { dumps });
  }

  /** Another process goes on with the mount: no removal begins any more, those that are under way are awaited. */
  async handOver(): Promise<void> {
    this.#isEnding = true;
    this.#isHandedOver = true;
    await ended([...this.#begun.values(), ...this.#waitedFor]);
  }

  /** The mount has ended. Firmware keeps what was accepted to be removed later, and that is said. */
  async end(): Promise<void> {
    this.#isEnding = true;
    if (this.#isHandedOver) return;
    for (const dump of this.#store.unlinked()) this.#logKept(dump);
    await ended([...this.#begun.values()]);
    this.#hasEnded = true;
    for (const dump of this.#begun.keys()) {
      if (dump.cancelInvalidate()) this.#logKept(dump);
      else
        this.#log.warn('the mount ended while firmware was removing an unlinked dump: it may be gone', {
          tag: tagName(dump.tag),
        });
    }
  }

  #logKept({ tag }: Dump): void {
    this.#log.warn('an unlinked dump stays in firmware: the mount ended before firmware was told', {
      tag: tagName(tag),
    });
  }

  #defer(dump: Dump): void {
    this.#store.hide(dump);
    this.#log.info('dump unlinked while open: firmware is told when the last reader closes it', {
      tag: tagName(dump.tag),
    });
  }

  /** Compares nothing. */
  #isForced(dump: Dump): boolean {
    return this.#policy === 'force' && !this.#ofAnother.has(dump);
  }

  #assertAllowed(dump: Dump, isResent: boolean): void {
    const fields = { tag: tagName(dump.tag), delivered: dump.delivered, size: dump.size?.bytes };
    if (this.#policy === 'never')
      throw new FsError('EPERM', 'removing dumps is switched off (--unlink=never)', { fields });
    if (dump.removal !== 'none') throw new FsError('EBUSY', 'the dump is being removed already', { fields });
    if (this.#policy === 'force' && isResent && !dump.isDelivered)
      throw new FsError(
        'EBUSY',
        'the process before was asked to remove the dump, and nothing tells that it is the same one: repeat that',
        { fields },
      );
    if (this.#policy !== 'force' && !dump.isDelivered)
      throw new FsError(
        'EBUSY',
        'not every byte of the dump was delivered yet: copy it first, or mount with --unlink=force',
        { fields },
      );
    if (this.#policy === 'saved' && !dump.isSaved)
      throw new FsError(
        'EBUSY',
        'no copy of the dump is known (--unlink=saved): save it first with platdumpfs save',
        { fields },
      );
  }
}

/** Whatever came of them, and no longer than it may be waited. */
async function ended(removals: readonly Promise<void>[]): Promise<void> {
  await Promise.race([Promise.allSettled(removals), sleep(END_MS, undefined, { ref: false })]);
}

function asUnlinkFailure(thrown: unknown, { tag, lost }: Dump): FsError {
  const failure = FsError.from(thrown);
  if (lost === 'replaced' || lost === 'mixed')
    return new FsError(
      'EBUSY',
      'firmware holds another dump under this tag, now listed as a new file: not removed',
      {
        fields: { tag: tagName(tag) },
      },
    );
  if (failure.code !== 'ESTALE') return failure;
  return new FsError('ENOENT', failure.message, { severity: 'debug', fields: failure.fields });
}
