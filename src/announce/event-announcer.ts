import type { Logger } from '../base/log.js';
import type { DumpTag } from '../base/tag.js';
import { dumpType, tagName } from '../base/tag.js';
import { dumpNotices } from '../rtas/index.js';
import type { Announcement } from '../base/announcement.js';
import { RecentSet } from '../base/recent-set.js';

/** Tags that were logged as not for us, so that reading a log again says nothing new. */
const MOST_LOGGED = 1024;

/** Turns RTAS events into announcements, and says of which dumps it does not announce and why. */
export class EventAnnouncer {
  readonly #announce: (announcement: Announcement) => void;
  readonly #log: Logger;
  readonly #ignored = new RecentSet<DumpTag>(MOST_LOGGED);

  constructor(announce: (announcement: Announcement) => void, log: Logger) {
    this.#announce = announce;
    this.#log = log;
  }

  /** @param isRemembered the event is old: its dump may be gone since */
  take(event: Uint8Array, isRemembered: boolean): void {
    const { announced, ignored } = dumpNotices(event);
    for (const announcement of announced) {
      const { tag, size } = announcement;
      const fields = { tag: tagName(tag), type: dumpType(tag), size };
      this.#log[isRemembered ? 'debug' : 'info']('dump announced', fields);
      this.#announce({ ...announcement, isRemembered });
    }
    for (const { tag, reason } of ignored) {
      if (this.#ignored.has(tag)) continue;
      this.#ignored.add(tag);
      this.#log.info('an event names a dump that is not for this partition', { tag: tagName(tag), reason });
    }
  }
}
