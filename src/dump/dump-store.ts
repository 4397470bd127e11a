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
import { RecentSet } from '../base/recent-set.js';
import { Verifier } from './verifier.js';
import type { SpoolOptions } from '../memory/index.js';
import { BlockCache, Spool, budgetFor, spoolBacklogBlocks } from '../memory/index.js';
import { HandWorker, Handles, Pool } from '../transfer/index.js';
import type { DumpParts, DumpState, LostReason, SizeOrigin } from './dump.js';
import { Dump } from './dump.js';
import { ProbeLimiter } from './probe-limiter.js';

export interface DumpStoreOptions {
  readonly source: DumpSource;
  /** Memory for dump bytes, at least `MIN_SLOTS` blocks. */
  readonly cacheSizeBytes: number;
  /** Tags that the operator named. */
  readonly known: readonly Announcement[];
  /** Encrypted copies on disk; absent: none. */
  readonly spool?: { readonly directory: string; readonly quotaBytes: number } | undefined;
  readonly log: Logger;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
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

/** More announced dumps than a machine can have: a log full of nonsense must not fill the memory. */
const MOST_ANNOUNCED = 16_384;
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
  readonly #listed = new Map<DumpTag, Dump>();
  /** Incarnations that were removed or lost while the source still lists them. */
  readonly #dismissed = new Map<DumpTag, string>();
  /** Dumps that left the list but may still be open. */
  readonly #departed = new Set<Dump>();
  /** Dumps that firmware is being told to forget. */
  readonly #removals = new Set<Dump>();
  /** Unlisted tags that firmware is being asked for. */
  readonly #probed = new Map<DumpTag, Dump>();
  /** What was announced of tags that firmware is busy with: what it answers may be older. */
  readonly #heard = new Map<DumpTag, Announcement>();
  /** Tags whose dump was removed or lost: an announcement may be an old one. */
  readonly #parted = new RecentSet<DumpTag>(MOST_ANNOUNCED);
  /** What was announced of them since, until firmware has been asked. */
  readonly #doubted = new Map<DumpTag, Announcement>();
  readonly #verifier = new Verifier({ verify: (tag) => this.#verify(tag) });
  readonly #probes: Readonly<Record<Prober, ProbeLimiter<DumpTag, Dump | undefined>>>;
  /** Questions about unlisted tags that firmware has not answered yet. */
  readonly #questions = new Map<DumpTag, Promise<Dump | undefined>>();
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
      (life) => new HandWorker(source.driver, slabs, this.#tally, life),
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
    this.#refresh();
    for (const { tag, size } of options.known) if (!this.#listed.has(tag)) this.#add({ tag, size });
    this.#ticker = setInterval(() => {
      this.#tick();
    }, TICK_MS);
    this.#ticker.unref();
  }

  /** Prepares for the first reader what takes time. Touches no firmware. */
  getReady(): void {
    this.#pool.getReady();
  }

  /** Listed dumps, in the order in which they appeared. Touches no firmware. */
  dumps(): Iterable<Dump> {
    return this.#listed.values();
  }

  find(tag: DumpTag): Dump | undefined {
    return this.#listed.get(tag);
  }

  list(): readonly DumpSummary[] {
    return [...this.#listed.values()].map((dump) => this.#summary(dump));
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
    const listed = this.#listed.get(tag);
    if (listed !== undefined || this.#onItsWayOut(tag) !== undefined) return listed;
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
    const { tag } = announcement;
    const known = this.#listed.get(tag) ?? this.#probed.get(tag) ?? this.#onItsWayOut(tag);
    if (known !== undefined) {
      this.#hear(known, announcement);
      return;
    }
    if (this.#isLocked) return;
    if (this.#listed.size + this.#doubted.size >= MOST_ANNOUNCED) {
      this.#refuseMore();
      return;
    }
    if (this.#parted.has(tag)) this.#doubted.set(tag, announcement);
    else this.#add(announcement);
    this.#verifier.ask(tag);
  }

  /** Announced again: the same dump, or another one that has taken its tag. */
  #hear(known: Dump, announcement: Announcement): void {
    const isNews = known.isNews(announcement) && !this.source.knowsIncarnations;
    const isLeaving = this.#listed.get(known.tag) !== known || known.removing;
    known.hear(announcement);
    if (this.#isLocked) return;
    if (isNews) known.doubt();
    if (isNews && known.isTransferred && !this.#removals.has(known)) {
      this.#doubted.set(known.tag, announcement);
      this.#verifier.ask(known.tag);
    } else if (isLeaving && announcement.isRemembered !== true) {
      this.#heard.set(known.tag, announcement);
    }
  }

  /** Firmware is no longer busy with the tag: what was announced of it meanwhile counts. */
  #hearAgain(tag: DumpTag): void {
    const heard = this.#heard.get(tag);
    this.#heard.delete(tag);
    if (heard !== undefined) this.announce(heard);
  }

  /** Takes a dump out of the listing; readers that have it open go on. */
  hide(dump: Dump): void {
    if (this.#listed.get(dump.tag) !== dump) return;
    this.#listed.delete(dump.tag);
    this.#departed.add(dump);
    if (dump.sourceIncarnation !== undefined) this.#dismissed.set(dump.tag, dump.sourceIncarnation);
    this.events.emit({ kind: 'removed', dump });
  }

  /** Puts a hidden dump back. */
  reveal(dump: Dump): void {
    if (dump.lost !== undefined || this.#listed.has(dump.tag)) return;
    this.#departed.delete(dump);
    this.#dismissed.delete(dump.tag);
    this.#list(dump);
    this.#hearAgain(dump.tag);
  }

  /**
   * Invalidates a dump in firmware and takes it out of the listing.
   *
   * @param isForced also where firmware holds another dump than the one that was delivered
   * @throws FsError EIO, EPERM, EBUSY, ESTALE; the dump then stays where it was, unless it is lost
   */
  async remove(dump: Dump, isForced: boolean): Promise<void> {
    dump.removing = true;
    this.#removals.add(dump);
    try {
      await dump.invalidate(isForced);
    } catch (error) {
      this.#removalsFailed += 1;
      this.#removals.delete(dump);
      if (this.#listed.get(dump.tag) === dump) this.#hearAgain(dump.tag);
      throw error;
    } finally {
      dump.removing = false;
    }
    this.#removals.delete(dump);
    this.#removed += 1;
    this.#parts.log.info('dump removed', { tag: tagName(dump.tag) });
    dump.lose('gone');
    dump.forget();
    this.#departed.delete(dump);
    this.#hearAgain(dump.tag);
  }

  /**
   * Lockdown: nothing of any dump stays reachable, in memory or by name. When this returns, nobody gets anything any
   * more, and those who waited have been told; memory is overwritten in the next turn of the event loop.
   */
  lock(): void {
    this.#isLocked = true;
    this.#unsubscribe();
    this.#verifier.stop();
    this.#parted.clear();
    this.#doubted.clear();
    this.#heard.clear();
    const dumps = [...this.#listed.values(), ...this.#departed, ...this.#probed.values()];
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

  #add(announcement: Announcement): void {
    this.#list(this.#create(announcement));
  }

  #adopt(dump: Dump, announcement: Announcement): void {
    dump.adopt(announcement);
    this.#list(dump);
  }

  #list(dump: Dump): void {
    if (dump.lost !== undefined || this.#listed.has(dump.tag)) return;
    this.#listed.set(dump.tag, dump);
    this.#parted.delete(dump.tag);
    this.events.emit({ kind: 'added', dump });
  }

  #create(announcement: Announcement): Dump {
    const dump = new Dump(++this.#serials, announcement, this.#parts);
    dump.events.subscribe((event) => {
      if (event.kind === 'lost') this.#depart(dump, event.why);
      else this.events.emit(event);
    });
    return dump;
  }

  #depart(dump: Dump, why: LostReason): void {
    const wasListed = this.#listed.get(dump.tag) === dump;
    if (wasListed) this.#listed.delete(dump.tag);
    const hasSuccessor = why === 'replaced' || why === 'mixed';
    if (dump.sourceIncarnation !== undefined) this.#dismissed.set(dump.tag, dump.sourceIncarnation);
    if (!hasSuccessor && !this.#isLocked) this.#parted.add(dump.tag);
    if (dump.openHandles > 0) this.#departed.add(dump);
    else if (why !== 'locked') dump.forget();
    this.events.emit({ kind: 'lost', dump, why });
    if (wasListed) this.events.emit({ kind: 'removed', dump });
    if (hasSuccessor) this.#listSuccessor(dump.tag);
  }

  /** Firmware has said that there is another dump. Nothing is known of it but what was announced lately. */
  #listSuccessor(tag: DumpTag): void {
    const news = this.#heard.get(tag) ?? this.#doubted.get(tag);
    this.#heard.delete(tag);
    this.#doubted.delete(tag);
    this.#refresh();
    if (!this.#listed.has(tag) && !this.#probed.has(tag)) this.#add(news ?? { tag });
  }

  /** Brings the listing up to date with the source. */
  #refresh(): void {
    const announced = new Map(this.source.list().map((announcement) => [announcement.tag, announcement]));
    for (const [tag, incarnation] of this.#dismissed)
      if (announced.get(tag)?.incarnation !== incarnation) this.#dismissed.delete(tag);
    for (const dump of [...this.#listed.values(), ...this.#departed]) {
      if (dump.sourceIncarnation === undefined) continue;
      const incarnation = announced.get(dump.tag)?.incarnation;
      // While firmware is told to forget it, it may be gone already by that.
      const isOurDoing = incarnation === undefined && this.#removals.has(dump);
      if (incarnation !== dump.sourceIncarnation && !isOurDoing) dump.lose('gone');
    }
    for (const announcement of announced.values()) {
      if (this.#dismissed.get(announcement.tag) === announcement.incarnation) continue;
      const known = this.#listed.get(announcement.tag) ?? this.#probed.get(announcement.tag);
      if (known === undefined) this.#add(announcement);
      else if (known.sourceIncarnation === undefined) this.#adopt(known, announcement);
    }
  }

  /** One firmware call for all who ask at once. @returns the dump, listed, or undefined when there is none */
  #askFirmware(about: Announcement): Promise<Dump | undefined> {
    const { tag } = about;
    const running = this.#questions.get(tag);
    if (running !== undefined) return running;
    const question = this.#question(about).finally(() => this.#questions.delete(tag));
    this.#questions.set(tag, question);
    return question;
  }

  async #question(about: Announcement): Promise<Dump | undefined> {
    const { tag } = about;
    const dump = this.#create(about);
    this.#probed.set(tag, dump);
    try {
      // Others may ask the same question meanwhile: no single caller's signal ends it.
      await dump.confirm(NEVER);
    } catch (thrown) {
      const failure = FsError.from(thrown);
      dump.lose('gone');
      this.#probed.delete(tag);
      this.#believeNews(dump);
      if (failure.code === 'ESTALE') return this.#listed.get(tag);
      throw failure;
    } finally {
      this.#probed.delete(tag);
      this.#heard.delete(tag);
    }
    this.#list(dump);
    return dump;
  }

  /** Firmware's "no" may be older than what the source or an announcement said of the tag while it was asked. */
  #believeNews({ tag, sourceIncarnation, lost }: Dump): void {
    if (lost !== 'gone') return;
    const heard = this.#heard.get(tag);
    if (heard !== undefined) this.announce(heard);
    if (sourceIncarnation === undefined) return;
    this.#dismissed.delete(tag);
    this.#refresh();
  }

  async #verify(tag: DumpTag): Promise<'settled' | 'later'> {
    const doubted = this.#doubted.get(tag);
    try {
      const listed = this.#listed.get(tag);
      const held = listed ?? this.#onItsWayOut(tag);
      if (doubted !== undefined && held?.isTransferred === true) await this.#settle(held, doubted);
      else if (listed?.isConfirmed === false && !listed.removing) await listed.confirm(NEVER);
      else if (listed === undefined && doubted !== undefined && this.#onItsWayOut(tag) === undefined)
        await this.#askFirmware(doubted);
    } catch (thrown) {
      // A dump that is gone or not for us has left the listing by itself; what else went wrong was logged.
      const { code } = FsError.from(thrown);
      if (code !== 'ESTALE' && code !== 'EPERM') return 'later';
    }
    // Announced once more while firmware was asked.
    if (this.#doubted.get(tag) !== doubted) return this.#verify(tag);
    this.#doubted.delete(tag);
    return 'settled';
  }

  /** Asks firmware whether an event of a listed dump is about another one, which then takes its place. */
  async #settle(held: Dump, doubted: Announcement): Promise<void> {
    if (this.#removals.has(held)) this.#heard.set(held.tag, doubted);
    else await held.compare();
    if (held.lost === undefined) held.settle(doubted);
  }

  /** Hidden while readers still have it open, or while firmware is told to forget it. */
  #onItsWayOut(tag: DumpTag): Dump | undefined {
    for (const dump of this.#departed) if (dump.tag === tag && dump.lost === undefined) return dump;
    return undefined;
  }

  #refuseMore(): void {
    if (!this.#announcedTooMany)
      this.#parts.log.warn('more dumps are announced than can exist: the rest is ignored', {
        most: MOST_ANNOUNCED,
      });
    this.#announcedTooMany = true;
  }

  #tick(): void {
    for (const dump of this.#listed.values()) dump.tick();
    for (const dump of this.#probed.values()) dump.tick();
    for (const dump of this.#departed) {
      dump.tick();
      if (dump.openHandles > 0 || dump.lost === undefined) continue;
      dump.forget();
      this.#departed.delete(dump);
    }
  }
}

export function openDumpStore(options: DumpStoreOptions): DumpStore {
  return new DumpStore(options);
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
