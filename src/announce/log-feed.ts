import type { Logger } from '../base/log.js';
import { EventText } from '../rtas/index.js';
import type { Announcement } from '../base/announcement.js';
import { EventAnnouncer } from './event-announcer.js';
import { FileFollower } from './file-follower.js';

export interface LogFeedOptions {
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
