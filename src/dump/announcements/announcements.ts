import { existsSync } from 'node:fs';
import type { Logger } from '../../base/log.js';
import type { DumpStore } from '../dump-store.js';
import type { EventsMode, FeedChoice } from './choose-feed.js';
import { chooseFeed } from './choose-feed.js';
import { ErrorLogFeed } from './error-log-feed.js';
import { openLogFeed } from './log-feed.js';
import { isRtasErrdRunning } from './rtas-errd.js';
import { TagMemory } from './tag-memory.js';

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
}

/** Sources that say by themselves which dumps there are. */
const LISTING_SOURCES = new Set(['sim', 'opal']);

/** Everything that names dumps to the store, beside its source. Ends for good at lockdown. */
export class Announcements implements AsyncDisposable {
  readonly #options: AnnouncementsOptions;
  readonly #memory: TagMemory | undefined;
  #feed: AsyncDisposable | undefined;

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
    const { store, stateFile, log } = options;
    if (stateFile !== undefined) this.#memory = new TagMemory(store, stateFile, log);
    this.#feed = this.#start();
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
    const feed = this.#feed;
    this.#feed = undefined;
    await feed?.[Symbol.asyncDispose]();
  }

  #start(): AsyncDisposable | undefined {
    const { events: mode, platformLog, store, log } = this.#options;
    const choice = chooseFeed({
      mode,
      sourceLists: LISTING_SOURCES.has(store.source.name),
      logIsNamed: platformLog !== undefined,
      logExists: existsSync(platformLog ?? PLATFORM_LOG),
      rtasErrdRuns: isRtasErrdRunning(),
    });
    const { feed, why, warning } = choice;
    log.info('announcements of dumps', { from: feed === 'off' ? 'nowhere' : this.#pathOf(feed), why });
    if (warning !== undefined) log.warn(warning);
    return this.#open(choice);
  }

  #open({ feed }: FeedChoice): AsyncDisposable | undefined {
    const { store, log } = this.#options;
    if (feed === 'off') return undefined;
    const options = {
      path: this.#pathOf(feed),
      announce: (announcement: Parameters<DumpStore['announce']>[0]): void => store.announce(announcement),
      log,
    };
    return feed === 'log' ? openLogFeed(options) : new ErrorLogFeed(options);
  }

  #pathOf(feed: 'log' | 'proc'): string {
    const { platformLog = PLATFORM_LOG, errorLog = ERROR_LOG } = this.#options;
    return feed === 'log' ? platformLog : errorLog;
  }
}
