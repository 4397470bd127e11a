import { statSync } from 'node:fs';
import { Listeners } from '../../base/listeners.js';
import type { Logger } from '../../base/log.js';
import type { DumpTag } from '../../base/tag.js';
import { threadEntry } from '../../base/thread-entry.js';
import type { OpalEntry, OpalPlace } from './opal-directory.js';
import { readOpalDirectory } from './opal-directory.js';
import type { OpalDriverData } from './opal-driver.js';
import type { DriverSpec, ListedAnnouncement, DumpSource } from '../source.js';
import { SourceUnavailable } from '../source-error.js';

export const OPAL_DIRECTORY = '/sys/firmware/opal/dump';

/** sysfs tells nobody of new and vanished directories but by uevents, which Node cannot hear: we look. */
const LOOK_EVERY_MS = 1000;

export interface OpalSourceOptions {
  /** Default: `/sys/firmware/opal/dump`. */
  readonly dir?: string | undefined;
  readonly traceChannel?: string | undefined;
  readonly log: Logger;
  readonly lookEveryMs?: number;
}

/**
 * Dumps of a PowerNV machine: files in sysfs, of known size and with random access.
 *
 * @throws SourceUnavailable
 */
export function openOpalSource(options: OpalSourceOptions): DumpSource {
  const absence = opalAbsence(options.dir);
  if (absence !== undefined) throw new SourceUnavailable(absence);
  return new OpalSource(options);
}

/** Why this source cannot be used; undefined where it can. */
export function opalAbsence(dir: string = OPAL_DIRECTORY): string | undefined {
  const stats = statSync(dir, { throwIfNoEntry: false });
  if (stats === undefined) return `${dir} does not exist`;
  return stats.isDirectory() ? undefined : `${dir} is no directory`;
}

interface ListedEntry {
  readonly entry: OpalEntry;
  readonly announcement: ListedAnnouncement;
}

class OpalSource implements DumpSource {
  readonly name = 'opal';
  readonly lists = true;
  readonly resumable = true;
  readonly invalidateNeedsFinishedPass = false;
  readonly knowsIncarnations = true;
  readonly driver: DriverSpec;
  readonly #dir: string;
  readonly #log: Logger;
  readonly #changes = new Listeners<void>();
  readonly #ticker: NodeJS.Timeout;
  #dumps = new Map<DumpTag, ListedEntry>();
  #list: readonly ListedAnnouncement[] = [];
  #incarnations = 0;
  /** What was said about entries that cannot be used, so that each is logged once. */
  #complaints = new Set<string>();

  constructor({ dir = OPAL_DIRECTORY, traceChannel, log, lookEveryMs = LOOK_EVERY_MS }: OpalSourceOptions) {
    this.#dir = dir;
    this.#log = log;
    const data: OpalDriverData = { traceChannel };
    this.driver = { module: threadEntry('source/opal/opal-driver.js').href, data };
    this.#look();
    this.#ticker = setInterval(() => {
      if (this.#look()) this.#changes.emit();
    }, lookEveryMs);
    this.#ticker.unref();
  }

  /** Where the dump is now: its directory's name says nothing that is promised. */
  detail(tag: DumpTag, incarnation?: string): OpalPlace | undefined {
    this.#lookAndTell();
    const listed = this.#dumps.get(tag);
    if (incarnation !== undefined && listed?.announcement.incarnation !== incarnation) return undefined;
    return listed?.entry.place;
  }

  list(): readonly ListedAnnouncement[] {
    this.#lookAndTell();
    return this.#list;
  }

  onChange(listener: () => void): () => void {
    return this.#changes.subscribe(listener);
  }

  [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#ticker);
    return Promise.resolve();
  }

  /** Whoever asks gets the present state; the others are told once he has it. */
  #lookAndTell(): void {
    if (this.#look())
      queueMicrotask(() => {
        this.#changes.emit();
      });
  }

  /** @returns whether anything has changed since the last look */
  #look(): boolean {
    const { entries, complaints } = readOpalDirectory(this.#dir);
    this.#report(complaints);
    const now = new Map(entries.map((entry) => [entry.tag, this.#known(entry)]));
    const isSame =
      now.size === this.#dumps.size && [...now].every(([tag, listed]) => this.#dumps.get(tag) === listed);
    if (isSame) return false;
    this.#dumps = now;
    this.#list = [...now.values()].map(({ announcement }) => announcement);
    return true;
  }

  /** The same record for a dump that was there before, a new one for one that came or came back. */
  #known(entry: OpalEntry): ListedEntry {
    const before = this.#dumps.get(entry.tag);
    if (before?.entry.version === entry.version) return before;
    this.#incarnations += 1;
    const { tag, sizeBytes } = entry;
    const incarnation = String(this.#incarnations);
    return { entry, announcement: { tag, incarnation, size: sizeBytes, sizeOrigin: 'source' } };
  }

  #report(complaints: readonly string[]): void {
    for (const reason of complaints)
      if (!this.#complaints.has(reason))
        this.#log.warn('an entry of the dump directory cannot be used', { reason });
    this.#complaints = new Set(complaints);
  }
}
