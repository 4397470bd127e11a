import type { Logger } from '../base/log.js';
import type { Announcement } from '../base/announcement.js';
import type { Dump, DumpStore, StoreEvent } from '../dump/index.js';
import { formatKnownTags, parseKnownTags, readStateFile, writeStateFile } from './state-file.js';
import { MOST_TAGS } from '../dump/index.js';

/**
 * Changes that come together are written together. The first is written at once: the event that it came with may have
 * been taken from where it was for good.
 */
const WRITE_PAUSE_MS = 100;
/** A file that cannot be written is tried again. */
const RETRY_MS = 30_000;

/**
 * Keeps a file of the tags that nobody would name again after a restart: all but those that the source lists by itself.
 * A dump stays in it until firmware has forgotten it. From lockdown on the file is left as it is.
 */
export class TagMemory implements AsyncDisposable {
  readonly #path: string;
  readonly #log: Logger;
  readonly #dumps = new Map<bigint, Dump>();
  readonly #unsubscribe: () => void;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #isStale = false;
  #isFrozen = false;
  #writtenAtMs = -Infinity;
  #complaint = '';

  constructor(store: DumpStore, path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
    this.#unsubscribe = store.events.subscribe((event) => this.#onEvent(event));
    for (const dump of store.dumps()) this.#keep(dump);
    for (const known of this.#read()) store.announce(known);
  }

  /** Lockdown: no tag is written any more. */
  freeze(): void {
    this.#isFrozen = true;
    this.#unsubscribe();
    this.#dumps.clear();
    clearTimeout(this.#timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unsubscribe();
    clearTimeout(this.#timer);
    await this.#writing;
    if (this.#isStale) await this.#write();
  }

  #read(): readonly Announcement[] {
    try {
      const { tags, badLines } = parseKnownTags(readStateFile(this.#path) ?? '');
      if (badLines > 0)
        this.#log.warn('the state file is damaged: some lines were ignored', { path: this.#path, badLines });
      return tags;
    } catch (error) {
      this.#log.warn('cannot read the state file: tags known earlier are not known now', {
        path: this.#path,
        reason: (error as Error).message,
      });
      return [];
    }
  }

  #onEvent({ kind, dump }: StoreEvent): void {
    // A name that was unlinked is not forgotten before firmware has been told, which comes as `lost`.
    if (kind === 'removed') return;
    if (kind !== 'lost') this.#keep(dump);
    else if (this.#dumps.get(dump.tag) === dump && this.#dumps.delete(dump.tag)) this.#schedule();
  }

  #keep(dump: Dump): void {
    if (dump.sourceIncarnation !== undefined || dump.lost !== undefined) return;
    if (this.#dumps.size >= MOST_TAGS && !this.#dumps.has(dump.tag)) return;
    this.#dumps.set(dump.tag, dump);
    this.#schedule();
  }

  #schedule(delayMs = this.#writtenAtMs + WRITE_PAUSE_MS - performance.now()): void {
    if (this.#isFrozen) return;
    this.#isStale = true;
    if (this.#timer !== undefined || this.#writing !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#writing = this.#write().finally(() => {
          this.#writing = undefined;
          this.#writtenAtMs = performance.now();
          if (this.#isStale) this.#schedule(this.#complaint === '' ? WRITE_PAUSE_MS : RETRY_MS);
        });
      },
      Math.max(0, delayMs),
    );
    this.#timer.unref();
  }

  async #write(): Promise<void> {
    if (this.#isFrozen) return;
    this.#isStale = false;
    try {
      const text = formatKnownTags([...this.#dumps.values()].map(remembered));
      await writeStateFile(this.#path, text, () => !this.#isFrozen);
      this.#complaint = '';
    } catch (error) {
      this.#isStale = !this.#isFrozen;
      this.#complain((error as Error).message);
    }
  }

  /** Each trouble is logged once until the file can be written again. */
  #complain(reason: string): void {
    if (this.#complaint === reason) return;
    this.#complaint = reason;
    this.#log.warn('cannot write the state file: tags known now will not be known after a restart', {
      path: this.#path,
      reason,
    });
  }
}

function remembered({ tag, likelyBytes, announcedAtMs }: Dump): Announcement {
  return { tag, size: likelyBytes, announcedAtMs };
}
