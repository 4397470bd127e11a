import { existsSync } from 'node:fs';
import type { Logger } from '../base/log.js';
import type { Announcement } from '../base/announcement.js';
import type { DumpStore } from '../dump/index.js';
import type { EventsMode, FeedChoice } from './choose-feed.js';
import { chooseFeed } from './choose-feed.js';
import { ErrorLogFeed } from './error-log-feed.js';
import type { RtasErrd } from './rtas-errd.js';
import { extractorWarning, lookAtRtasErrd } from './rtas-errd.js';
import { TagMemory } from './tag-memory.js';
import { EventText } from '../rtas/index.js';
import { EventAnnouncer } from './event-announcer.js';
import { FileFollower } from './file-follower.js';

export const PLATFORM_LOG = '/var/log/platform';
export const ERROR_LOG = '/proc/powerpc/rtas/error_log';

export interface AnnouncementsOptions {
  readonly store: DumpStore;
  readonly events: EventsMode;
  /** The log of rtas_errd; default `PLATFORM_LOG`. */
  readonly platformLog?: string | undefined;
  /** The kernel's event log; default `ERROR_LOG`. */
  readonly errorLog?: string | undefined;
  /** Where tags are remembered; absent: nowhere. */
  readonly stateFile?: string | undefined;
  readonly log: Logger;
  /** Default: as it is on this machine. */
  readonly rtasErrd?: RtasErrd;
}

/** Decides by what is there now. @param sourceLists the source of the dumps says itself which there are */
export function feedFor(
  sourceLists: boolean,
  { events, platformLog }: Pick<AnnouncementsOptions, 'events' | 'platformLog'>,
  { isRunning }: RtasErrd,
): FeedChoice {
  return chooseFeed({
    mode: events,
    sourceLists,
    logIsNamed: platformLog !== undefined,
    logExists: existsSync(platformLog ?? PLATFORM_LOG),
    rtasErrdRuns: isRunning,
  });
}

/** Everything that names dumps to the store, beside its source. Ends for good at lockdown. */
export class Announcements implements AsyncDisposable {
  readonly #options: AnnouncementsOptions;
  readonly #memory: TagMemory | undefined;
  #feeds: readonly AsyncDisposable[];

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
    const { store, stateFile, log } = options;
    if (stateFile !== undefined) this.#memory = new TagMemory(store, stateFile, log);
    this.#feeds = this.#start();
  }

  /** Lockdown: no tag is taken in or written down any more. */
  freeze(): void {
    this.#memory?.freeze();
    void this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    await this.#memory?.[Symbol.asyncDispose]();
  }

  async #end(): Promise<void> {
    const feeds = this.#feeds;
    this.#feeds = [];
    await Promise.all(feeds.map((feed) => feed[Symbol.asyncDispose]()));
  }

  #start(): readonly AsyncDisposable[] {
    const { store, log } = this.#options;
    const { rtasErrd = lookAtRtasErrd() } = this.#options;
    const { lists } = store.source;
    const choice = feedFor(lists, this.#options, rtasErrd);
    const { feed, why, warning } = choice;
    const danger = lists ? undefined : extractorWarning(rtasErrd);
    log.info('announcements of dumps', { from: feed === 'off' ? 'nowhere' : this.#pathOf(feed), why });
    if (warning !== undefined) log.warn(warning);
    if (danger !== undefined) log.warn(danger);
    return this.#open(choice);
  }

  #open({ feed }: FeedChoice): readonly AsyncDisposable[] {
    const { store, log } = this.#options;
    if (feed === 'off') return [];
    const announce = (announcement: Announcement): void => store.announce(announcement);
    const options = { path: this.#pathOf(feed), announce, log };
    if (feed === 'proc') return [new ErrorLogFeed(options)];
    return [openLogFeed(options)];
  }

  #pathOf(feed: 'log' | 'proc'): string {
    const { platformLog = PLATFORM_LOG, errorLog = ERROR_LOG } = this.#options;
    return feed === 'log' ? platformLog : errorLog;
  }
}

interface LogFeedOptions {
  readonly path: string;
  readonly announce: (announcement: Announcement) => void;
  readonly log: Logger;
  readonly pollMs?: number;
}

/** Announces the dumps of the events that rtas_errd writes to its log: those that stand there, and those to come. */
export function openLogFeed({ announce, log, ...where }: LogFeedOptions): AsyncDisposable {
  const announcer = new EventAnnouncer(announce, log);
  const makeTaker = (): ((chunk: Uint8Array, isPast: boolean) => void) => {
    const text = new EventText();
    return (chunk, isPast) => {
      for (const event of text.push(chunk)) announcer.take(event, isPast);
    };
  };
  return new FileFollower({ ...where, makeTaker, log });
}
