import { abortable } from '../base/abortable.js';
import type { Announcement } from '../base/announcement.js';
import { FsError } from '../base/errno.js';
import { Listeners } from '../base/listeners.js';
import type { Logger } from '../base/log.js';
import { isShortage } from '../base/start-thread.js';
import type { DumpTag } from '../base/tag.js';
import { tagName } from '../base/tag.js';
import type { DumpSource, FirmwareCount } from '../source/index.js';
import { FirmwareTally } from '../source/index.js';
import type { SpoolOptions } from '../memory/index.js';
import { BlockCache, Spool, budgetFor, spoolBacklogBlocks } from '../memory/index.js';
import type { Hand, HandLife } from '../transfer/index.js';
import { HandWorker, Handles, Pool } from '../transfer/index.js';
import type { TagRecord } from './catalogue.js';
import { Catalogue, MOST_TAGS } from './catalogue.js';
import type { DumpParts, DumpState, LostReason, SizeOrigin } from './dump.js';
import { Dump } from './dump.js';
import type { HandedDump } from './handed-dump.js';
import { ProbeLimiter } from './probe-limiter.js';
import { Verifier } from './verifier.js';

export interface DumpStoreOptions {
  readonly source: DumpSource;
  /** Memory for dump bytes, at least `MIN_SLOTS` blocks. */
  readonly cacheSizeBytes: number;
  /** Tags that the operator named. */
  readonly known: readonly Announcement[];
  /** Encrypted copies on disk; absent: none. */
  readonly spool?: { readonly directory: string; readonly quotaBytes: number } | undefined;
  /** Of the process that served the mount before. */
  readonly handed?: readonly HandedDump[] | undefined;
  readonly log: Logger;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
  /** What makes firmware calls; by default threads. */
  readonly startHand?: (life: HandLife, slabs: readonly SharedArrayBuffer[]) => Hand;
}

/** What `list` shows of a dump; asking for it touches no firmware. */
export interface DumpSummary {
  readonly tag: DumpTag;
  readonly type: string;
  readonly size: number | undefined;
  readonly sizeOrigin: SizeOrigin | undefined;
  readonly state: DumpState;
  /** Bytes that readers have received. */
  readonly delivered: number;
  readonly announcedAtMs: number;
  readonly source: string;
  readonly name: string | undefined;
  /** Of the bytes that firmware delivered, in hex. */
  readonly sha256: string | undefined;
}

/** What the dumps have cost so far, for metrics; nothing of any one dump. */
export interface StoreUsage {
  readonly firmware: readonly FirmwareCount[];
  /** Handed over by firmware. */
  readonly firmwareBytes: number;
  readonly cache: Fullness;
  /** Undefined: there is none. */
  readonly spool: (Fullness & { readonly isFull: boolean }) | undefined;
  readonly removed: number;
  readonly removalsFailed: number;
}

interface Fullness {
  readonly usedBytes: number;
  readonly limitBytes: number;
}

export type StoreEvent =
  | { readonly kind: 'added'; readonly dump: Dump }
  | { readonly kind: 'removed'; readonly dump: Dump }
  | { readonly kind: 'lost'; readonly dump: Dump; readonly why: LostReason }
  | { readonly kind: 'size'; readonly dump: Dump };

/** Who asks firmware for a name that is not listed. */
export type Prober = 'root' | 'owner';

const TICK_MS = 1000;

/** Dumps that are read side by side while firmware answers at once: it serves one call at a time. */
const HANDS_AT_WORK = 4;

const NEVER = new AbortController().signal;

/** The dumps that are there now. The room's face: list, find, read, invalidate, subscribe. */
export class DumpStore implements AsyncDisposable {
  readonly source: DumpSource;
  readonly events = new Listeners<StoreEvent>();
  readonly #parts: DumpParts;
  readonly #pool: Pool;
  readonly #cache: BlockCache;
  readonly #tally = new FirmwareTally();
  readonly #spool: Spool | undefined;
  readonly #tags = new Catalogue();
  readonly #verifier = new Verifier({ verify: (tag) => this.#verify(tag) });
  readonly #probes: Readonly<Record<Prober, ProbeLimiter<DumpTag, Dump | undefined>>>;
  readonly #ticker: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  #serials = 0;
  #isLocked = false;
  #announcedTooMany = false;
  #removed = 0;
  #removalsFailed = 0;

  constructor(options: DumpStoreOptions) {
    const { source, log } = options;
    const now = options.now ?? (() => performance.now());
    this.source = source;
    this.#cache = new BlockCache(options.cacheSizeBytes);
    const { slots, slabs } = this.#cache.arena;
    const mostBacklog = options.spool === undefined ? 0 : spoolBacklogBlocks(slots);
    // 0: there is no limit.
    const budget = budgetFor(slots - mostBacklog, process.constrainedMemory() || undefined);
    this.#spool =
      options.spool === undefined ? undefined : startSpool({ ...options.spool, slabs, mostBacklog, log });
    this.#pool = new Pool(
      { atWork: Math.min(HANDS_AT_WORK, budget.hands), most: budget.hands },
      (life) => options.startHand?.(life, slabs) ?? new HandWorker(source.driver, slabs, this.#tally, life),
      log,
      now,
    );
    this.#parts = {
      source,
      cache: this.#cache,
      budget,
      pool: this.#pool,
      handles: new Handles(budget.passes),
      spool: this.#spool,
      now,
      log,
    };
    // However slow firmware is with the owner's questions, threads for root's are left.
    const ownersAtOnce = Math.max(1, Math.floor(budget.hands / 4));
    this.#probes = { root: new ProbeLimiter(now), owner: new ProbeLimiter(now, ownersAtOnce) };
    this.#unsubscribe = source.onChange(() => {
      this.#refresh();
    });
    for (const handed of options.handed ?? []) this.#inherit(handed);
    this.#refresh();
    for (const announcement of options.known) {
      const record = this.#tags.at(announcement.tag);
      if (record.dump === undefined) this.#list(record, this.#create(announcement));
    }
    this.#ticker = setInterval(() => {
      this.#tags.tick();
    }, TICK_MS);
    this.#ticker.unref();
  }

  /** What another process needs to go on with these dumps, those that are lost and open too. */
  handOver(): readonly HandedDump[] {
    return this.#tags.dumps().map((dump) => this.handOverOne(dump));
  }

  handOverOne(dump: Dump): HandedDump {
    return dump.handOver(this.#tags.of(dump)?.phase === 'hidden');
  }

  /** Those that are unlinked, or lost and open, too. */
  everyDump(): readonly Dump[] {
    return this.#tags.dumps();
  }

  /** Prepares for the first reader what takes time. Touches no firmware. */
  getReady(): void {
    this.#pool.getReady();
  }

  /**
   * Makes no firmware call until `goOn`, and waits for those under way.
   *
   * @param isStillWanted asked again and again
   * @returns false: one is not back after `limitMs`, or that is not wanted any more
   */
  rest(limitMs: number, isStillWanted: () => boolean): Promise<boolean> {
    return this.#pool.rest(limitMs, isStillWanted);
  }

  goOn(): void {
    this.#pool.goOn();
  }

  /** Listed dumps, in the order in which they appeared. Touches no firmware. */
  dumps(): Iterable<Dump> {
    return this.#tags.listed();
  }

  find(tag: DumpTag): Dump | undefined {
    const record = this.#tags.get(tag);
    return record?.phase === 'listed' ? record.dump : undefined;
  }

  /** Dumps that were unlinked while open, and of which firmware has not been told. */
  unlinked(): readonly Dump[] {
    return this.#tags.dumps().filter(({ removal, lost }) => removal === 'accepted' && lost === undefined);
  }

  list(): readonly DumpSummary[] {
    return [...this.#tags.listed()].map((dump) => this.#summary(dump));
  }

  get usage(): StoreUsage {
    const spool = this.#spool;
    return {
      firmware: this.#tally.counts(),
      firmwareBytes: this.#tally.bytes,
      cache: { usedBytes: this.#cache.usedBytes, limitBytes: this.#cache.limitBytes },
      spool: spool && { usedBytes: spool.usedBytes, limitBytes: spool.limitBytes, isFull: spool.isFull },
      removed: this.#removed,
      removalsFailed: this.#removalsFailed,
    };
  }

  /**
   * Asks firmware for a tag that is not listed, with one call; lists the dump when it is there. Rate limited, and a
   * "no" is remembered for a moment, for each prober by itself: root is not kept waiting by what the owner asks for.
   */
  async probe(tag: DumpTag, prober: Prober, signal: AbortSignal): Promise<Dump | undefined> {
    const phase = this.#tags.get(tag)?.phase;
    if (phase === 'listed' || phase === 'hidden') return this.find(tag);
    return abortable(
      this.#probes[prober].ask(tag, () => this.#askFirmware({ tag })),
      signal,
    );
  }

  /**
   * Somebody says that firmware holds this dump. It is listed at once, and firmware is asked whether that is true when
   * its turn comes; after an earlier dump of that tag went away it is asked first.
   */
  announce(announcement: Announcement): void {
    if (this.#isLocked) return;
    const { tag } = announcement;
    const known = this.#tags.get(tag);
    if (known?.dump !== undefined) {
      this.#hear(known, known.dump, announcement);
      return;
    }
    if (known === undefined && this.#tags.isFull) {
      this.#refuseMore();
      return;
    }
    const record = this.#tags.at(tag);
    if (this.#tags.hasParted(tag)) record.news = announcement;
    else this.#list(record, this.#create(announcement));
    this.#verifier.ask(tag);
  }

  /** Announced again: the same dump, or another one that has taken its tag. */
  #hear(record: TagRecord, dump: Dump, announcement: Announcement): void {
    const isNews = dump.isNews(announcement) && !this.source.knowsIncarnations;
    dump.hear(announcement);
    if (isNews) dump.doubt();
    const mayBeAnother = isNews && dump.isTransferred && dump.removal !== 'told';
    // What firmware answers to a question or a removal may be older.
    const isBusy = record.phase !== 'listed' || dump.removal !== 'none';
    if (mayBeAnother || (isBusy && announcement.isRemembered !== true)) record.news = announcement;
    if (mayBeAnother) this.#verifier.ask(record.tag);
  }

  /** Firmware is no longer busy with the tag: what was announced of it meanwhile counts. */
  #hearAgain(tag: DumpTag): void {
    const record = this.#tags.get(tag);
    const news = record?.news;
    if (record === undefined || news === undefined) return;
    record.news = undefined;
    this.announce(news);
  }

  /** Takes an unlinked dump out of the listing; readers that have it open go on. Firmware is told by `remove`, later. */
  hide(dump: Dump): void {
    const record = this.#tags.of(dump);
    if (record?.phase !== 'listed') return;
    record.phase = 'hidden';
    dump.removal = 'accepted';
    this.events.emit({ kind: 'removed', dump });
  }

  /**
   * Invalidates a dump in firmware and takes it out of the listing.
   *
   * @param isForced also where firmware holds another dump than the one that was delivered
   * @throws FsError EIO, EPERM, EBUSY, ESTALE; the dump is then listed, again if it was hidden, unless it is lost
   */
  async remove(dump: Dump, isForced: boolean): Promise<void> {
    dump.removal = 'told';
    try {
      await dump.invalidate(isForced);
    } catch (error) {
      this.#removalsFailed += 1;
      dump.removal = 'none';
      const record = this.#tags.of(dump);
      if (record !== undefined) this.#list(record, dump);
      this.#hearAgain(dump.tag);
      throw error;
    }
    this.#removed += 1;
    this.#parts.log.info('dump removed', { tag: tagName(dump.tag) });
    dump.lose('gone');
  }

  /**
   * Lockdown: nothing of any dump stays reachable, in memory or by name. When this returns, nobody gets anything any
   * more, and those who waited have been told; memory is overwritten in the next turn of the event loop.
   */
  lock(): void {
    this.#isLocked = true;
    this.#unsubscribe();
    this.#verifier.stop();
    this.#tags.forgetNews();
    const dumps = this.#tags.dumps();
    for (const dump of dumps) dump.lose('locked');
    // Not at once: reads that were let through a moment ago are still to be answered, and not with zeros. The kernel is
    // told meanwhile what to drop.
    setImmediate(() => this.#wipe(dumps));
  }

  #wipe(dumps: readonly Dump[]): void {
    for (const dump of dumps) dump.forget();
    this.#cache.wipe();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#ticker);
    this.#verifier.stop();
    this.#unsubscribe();
    await this.#pool.end();
    await this.#spool?.end();
    this.#cache.wipe();
    await this.source[Symbol.asyncDispose]();
  }

  #summary(dump: Dump): DumpSummary {
    return {
      tag: dump.tag,
      type: dump.type,
      size: dump.size?.bytes,
      sizeOrigin: dump.size?.origin,
      state: dump.state,
      delivered: dump.delivered,
      announcedAtMs: dump.announcedAtMs,
      source: this.source.name,
      name: dump.knownName,
      sha256: dump.sha256,
    };
  }

  /** Gives a dump a name. Does nothing where it has one. */
  #list(record: TagRecord, dump: Dump): void {
    if (record.phase === 'listed') return;
    this.#tags.list(record, dump);
    this.events.emit({ kind: 'added', dump });
  }

  /** Goes on with a dump of another process. Firmware is asked whether it is still there when its turn comes. */
  #inherit(handed: HandedDump): void {
    const { serial, tag, announcedAtMs, lost } = handed;
    const announcement = { tag, announcedAtMs, isRemembered: true };
    if (lost !== undefined) {
      const gone = new Dump(this.#serial(serial), announcement, this.#parts);
      gone.lose(lost);
      this.#tags.keep(gone);
      return;
    }
    const dump = this.#make(serial, announcement);
    dump.inherit(handed);
    const record = this.#tags.at(tag);
    this.#tags.list(record, dump);
    // One that could not be proved to be the same is not removed without being asked for again.
    if (handed.isUnlinked && dump.isDelivered) this.hide(dump);
    this.#verifier.ask(tag);
  }

  #create(announcement: Announcement): Dump {
    return this.#make(this.#serials + 1, announcement);
  }

  #make(serial: number, announcement: Announcement): Dump {
    const dump = new Dump(this.#serial(serial), announcement, this.#parts);
    dump.events.subscribe((event) => {
      if (event.kind === 'lost') this.#depart(dump, event.why);
      else this.events.emit(event);
    });
    return dump;
  }

  /** No later dump gets this number. */
  #serial(serial: number): number {
    this.#serials = Math.max(this.#serials, serial);
    return serial;
  }

  #depart(dump: Dump, why: LostReason): void {
    const hasSuccessor = why === 'replaced' || why === 'mixed';
    const phase = this.#tags.part(dump, !hasSuccessor && !this.#isLocked);
    if (dump.openHandles === 0 && why !== 'locked') dump.forget();
    this.events.emit({ kind: 'lost', dump, why });
    if (phase === 'listed') this.events.emit({ kind: 'removed', dump });
    if (hasSuccessor) this.#listSuccessor(dump.tag);
    else this.#hearAgain(dump.tag);
  }

  /** Firmware has said that there is another dump. Nothing is known of it but what was announced lately. */
  #listSuccessor(tag: DumpTag): void {
    const { news = { tag } } = this.#tags.at(tag);
    this.#tags.at(tag).news = undefined;
    this.#refresh();
    const record = this.#tags.at(tag);
    if (record.dump === undefined) this.#list(record, this.#create(news));
  }

  /** Brings the listing up to date with the source. */
  #refresh(): void {
    const announced = new Map(this.source.list().map((announcement) => [announcement.tag, announcement]));
    for (const record of this.#tags.records()) {
      const incarnation = announced.get(record.tag)?.incarnation;
      if (record.dismissed !== incarnation) record.dismissed = undefined;
      const { dump } = record;
      // While firmware is told to forget it, it may be gone already by that.
      const isOurDoing = incarnation === undefined && dump?.removal === 'told';
      if (dump?.sourceIncarnation !== undefined && dump.sourceIncarnation !== incarnation && !isOurDoing)
        dump.lose('gone');
    }
    for (const announcement of announced.values()) {
      const record = this.#tags.at(announcement.tag);
      const { dump, phase } = record;
      if (record.dismissed === announcement.incarnation) continue;
      if (dump?.sourceIncarnation === undefined) dump?.adopt(announcement);
      if (phase !== 'hidden') this.#list(record, dump ?? this.#create(announcement));
    }
  }

  /** One firmware call for all who ask at once. @returns the dump, listed, or undefined when there is none */
  #askFirmware(about: Announcement): Promise<Dump | undefined> {
    const record = this.#tags.at(about.tag);
    record.question ??= this.#question(record, about).finally(() => (record.question = undefined));
    return record.question;
  }

  async #question(record: TagRecord, about: Announcement): Promise<Dump | undefined> {
    const dump = this.#create(about);
    record.dump = dump;
    record.phase = 'asked';
    try {
      // Others may ask the same question meanwhile: no single caller's signal ends it.
      await dump.confirm(NEVER);
    } catch (thrown) {
      const failure = FsError.from(thrown);
      dump.lose('gone');
      // Firmware's "no" may be older than what the source said while it was asked.
      if (dump.lost === 'gone' && dump.sourceIncarnation !== undefined) {
        record.dismissed = undefined;
        this.#refresh();
      }
      if (failure.code === 'ESTALE') return this.find(record.tag);
      throw failure;
    }
    if (record.dump !== dump) return this.find(record.tag);
    record.news = undefined;
    this.#list(record, dump);
    return dump;
  }

  async #verify(tag: DumpTag): Promise<'settled' | 'later'> {
    const record = this.#tags.at(tag);
    const { dump, phase, news } = record;
    try {
      if (dump === undefined) {
        if (news !== undefined) await this.#askFirmware(news);
      } else if (news !== undefined && phase !== 'asked' && dump.isTransferred && dump.removal !== 'told') {
        // Another dump that has the tag takes its place.
        await dump.compare();
        if (dump.lost === undefined) dump.settle(news);
      } else if (phase !== 'listed' || dump.removal !== 'none') {
        // News counts once firmware is no longer busy with the tag.
        return 'settled';
      } else if (!dump.isConfirmed) {
        await dump.confirm(NEVER);
      }
    } catch (thrown) {
      // A dump that is gone or not for us has left the listing by itself; what else went wrong was logged.
      const { code } = FsError.from(thrown);
      if (code !== 'ESTALE' && code !== 'EPERM') return 'later';
    }
    // Announced once more while firmware was asked.
    if (record.news !== news) return this.#verify(tag);
    record.news = undefined;
    return 'settled';
  }

  #refuseMore(): void {
    if (!this.#announcedTooMany)
      this.#parts.log.warn('more dumps are announced than can exist: the rest is ignored', {
        most: MOST_TAGS,
      });
    this.#announcedTooMany = true;
  }
}

/** Without a thread for it there is no spool, as if it had failed later. */
function startSpool(options: SpoolOptions): Spool | undefined {
  try {
    return new Spool(options);
  } catch (error) {
    if (!isShortage(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    options.log.warn('no spool: dumps larger than the cache are read from firmware again', { reason });
    return undefined;
  }
}
