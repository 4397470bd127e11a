import type { Announcement } from '../base/announcement.js';
import { RecentSet } from '../base/recent-set.js';
import type { DumpTag } from '../base/tag.js';
import type { Dump } from './dump.js';

/** More dumps than a machine can have: a log full of nonsense must not fill the memory. */
export const MOST_TAGS = 16_384;

/** All that is known of one tag. */
export interface TagRecord {
  readonly tag: DumpTag;
  /**
   * `asked`: firmware is being asked whether `dump` is there. `listed`: it has a name. `hidden`: it was unlinked while
   * open, and firmware has not forgotten it yet. `absent`: there is none, or nobody has asked.
   */
  phase: 'absent' | 'asked' | 'listed' | 'hidden';
  /** Undefined in phase `absent` only. */
  dump: Dump | undefined;
  /** What firmware is being asked, for all who want to know. */
  question: Promise<Dump | undefined> | undefined;
  /** What was announced and firmware has not been asked about since: it may be old, or about another dump. */
  news: Announcement | undefined;
  /** The source's mark of a dump that was removed or lost while the source still lists it. */
  dismissed: string | undefined;
}

/** One record for each tag of which anything is known. A tag has one dump at a time. */
export class Catalogue {
  readonly #records = new Map<DumpTag, TagRecord>();
  /** Lost dumps that are still open. */
  readonly #orphans = new Set<Dump>();
  /** Tags whose dump was removed or lost: an announcement of one may be about that. */
  readonly #parted = new RecentSet<DumpTag>(MOST_TAGS);

  get(tag: DumpTag): TagRecord | undefined {
    return this.#records.get(tag);
  }

  /** The record of a tag, made where there is none. */
  at(tag: DumpTag): TagRecord {
    const known = this.#records.get(tag);
    if (known !== undefined) return known;
    const record: TagRecord = {
      tag,
      phase: 'absent',
      dump: undefined,
      question: undefined,
      news: undefined,
      dismissed: undefined,
    };
    this.#records.set(tag, record);
    return record;
  }

  /** Undefined: the tag has another dump, or none. */
  of(dump: Dump): TagRecord | undefined {
    const record = this.#records.get(dump.tag);
    return record?.dump === dump ? record : undefined;
  }

  get isFull(): boolean {
    return this.#records.size >= MOST_TAGS;
  }

  records(): readonly TagRecord[] {
    return [...this.#records.values()];
  }

  /** Listed dumps, in the order in which they appeared. */
  *listed(): Generator<Dump> {
    for (const { phase, dump } of this.#records.values())
      if (phase === 'listed' && dump !== undefined) yield dump;
  }

  /** All dumps, those that are lost and open too. */
  dumps(): readonly Dump[] {
    return [...this.records().flatMap(({ dump }) => dump ?? []), ...this.#orphans];
  }

  hasParted(tag: DumpTag): boolean {
    return this.#parted.has(tag);
  }

  list(record: TagRecord, dump: Dump): void {
    record.dump = dump;
    record.phase = 'listed';
    this.#parted.delete(record.tag);
    // Behind those that were listed before.
    this.#records.delete(record.tag);
    this.#records.set(record.tag, record);
  }

  /** A dump is lost. @param isDoubtful announcements of the tag may still be about it @returns the phase that it was in */
  part(dump: Dump, isDoubtful: boolean): TagRecord['phase'] {
    const record = this.of(dump);
    const phase = record?.phase ?? 'absent';
    if (record !== undefined) {
      record.phase = 'absent';
      record.dump = undefined;
      record.dismissed = dump.sourceIncarnation ?? record.dismissed;
    }
    if (isDoubtful) this.#parted.add(dump.tag);
    if (dump.openHandles > 0) this.#orphans.add(dump);
    return phase;
  }

  /** A dump that was lost before this process began. */
  keep(dump: Dump): void {
    this.#orphans.add(dump);
  }

  /** Lockdown: nothing that was announced counts any more. */
  forgetNews(): void {
    this.#parted.clear();
    for (const record of this.#records.values()) record.news = undefined;
  }

  /** Once a second. */
  tick(): void {
    for (const dump of this.dumps()) dump.tick();
    for (const dump of this.#orphans) {
      if (dump.openHandles > 0) continue;
      dump.forget();
      this.#orphans.delete(dump);
    }
    for (const { tag, dump, question, news, dismissed } of this.#records.values())
      if ((dump ?? question ?? news ?? dismissed) === undefined) this.#records.delete(tag);
  }
}
