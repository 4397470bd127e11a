import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Logger } from '../../base/log.js';
import { tagName } from '../../base/tag.js';
import { LineSplitter } from '../../rtas/index.js';
import type { Announcement } from './announcement.js';
import { journalHint } from './journal-hint.js';
import { RecentSet } from './recent-set.js';

export interface JournalFeedOptions {
  readonly announce: (announcement: Announcement) => void;
  readonly log: Logger;
  /** Default: found by PATH. */
  readonly program?: string | undefined;
  readonly restartMs?: number;
}

/**
 * The last entries of rtas_errd, then those to come. Only what root's processes wrote: an identifier can be claimed by
 * everybody, the uid is the journal's own knowledge.
 */
const ARGUMENTS = [
  '--follow',
  '--quiet',
  '--lines=1000',
  '--output=json',
  '--identifier=rtas_errd',
  '_UID=0',
];

const RESTART_MS = 60_000;
/** An entry with all its fields; of longer ones nothing is read. */
const LONGEST_LINE_BYTES = 64 * 1024;
/** Hints that are not announced once more when journalctl has to be started again. */
const MOST_HEARD = 1024;

/**
 * Announces the dumps that rtas_errd could not extract for want of space, and says so in the journal. Their events are
 * in its log as well, unless that is damaged or rotated away.
 *
 * journalctl(1) does the reading. It ends with this object; where the daemon is killed it notices that nobody reads.
 */
export class JournalFeed implements AsyncDisposable {
  readonly #options: JournalFeedOptions;
  readonly #heard = new RecentSet<string>(MOST_HEARD);
  #child: { readonly kill: () => void; readonly closed: Promise<void> } | undefined;
  #restart: NodeJS.Timeout | undefined;
  #isStopped = false;
  #complaint = '';

  constructor(options: JournalFeedOptions) {
    this.#options = options;
    this.#start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#restart);
    this.#child?.kill();
    await this.#child?.closed;
  }

  #start(): void {
    try {
      const child = spawn(this.#options.program ?? 'journalctl', ARGUMENTS, {
        cwd: '/',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const closed = new Promise<void>((resolve) => child.once('close', resolve));
      this.#child = { kill: () => void child.kill('SIGKILL'), closed };
      this.#listen(child, child.stdout);
    } catch (error) {
      // No process can be made now: dumps are served all the same.
      this.#startLater((error as Error).message);
    }
  }

  #listen(child: ChildProcess, stdout: Readable): void {
    const lines = new LineSplitter(LONGEST_LINE_BYTES);
    stdout.on('data', (chunk: Buffer) => {
      for (const line of lines.push(chunk)) this.#take(line);
    });
    let why: NodeJS.ErrnoException | undefined;
    child.on('error', (error) => (why = error));
    child.on('close', (status, signal) => {
      this.#child = undefined;
      // A machine without a journal has none later on either.
      if (why?.code === 'ENOENT') this.#options.log.debug('no journalctl: hints of rtas_errd are not heard');
      else this.#startLater(why?.message ?? `it ended with ${signal ?? status}`);
    });
  }

  #startLater(reason: string): void {
    if (this.#isStopped) return;
    if (this.#complaint !== reason)
      this.#options.log.info('cannot follow the journal for hints of rtas_errd, trying again', { reason });
    this.#complaint = reason;
    this.#restart = setTimeout(() => this.#start(), this.#options.restartMs ?? RESTART_MS).unref();
  }

  #take(line: string): void {
    const hint = this.#isStopped ? undefined : journalHint(line);
    if (hint === undefined) return;
    const key = `${hint.tag} ${hint.atMs}`;
    if (this.#heard.has(key)) return;
    this.#heard.add(key);
    this.#options.log.info('rtas_errd says in the journal that a dump is waiting', {
      tag: tagName(hint.tag),
    });
    this.#options.announce(hint);
  }
}
