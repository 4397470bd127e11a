import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { hasPipes, unrefChild } from '../../base/piped-child.js';

/** Lines that logger(1) has not taken, in bytes: what comes on top is lost. */
const MAX_UNTAKEN_BYTES = 64 * 1024;
/** The system's log may come later than we do. */
const TRY_AGAIN_MS = 10_000;

/**
 * The log of the system, journal or syslog, whichever listens at /dev/log: by logger(1), which is where mount(8) is.
 * Node.js has no datagram sockets of AF_UNIX. Nothing here waits for anybody.
 */
export class SystemLog {
  readonly #command: string;
  readonly #now: () => number;
  #logger: ChildProcess | undefined;
  #startedAtMs = 0;
  #failure: string | undefined;

  constructor(command = 'logger', now: () => number = () => performance.now()) {
    this.#command = command;
    this.#now = now;
    this.#start();
  }

  /** Why nothing is taken; undefined as far as is known yet. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** @param text lines with the priority in front, as `<6>` @throws Error: the text is lost */
  readonly write = (text: string): void => {
    if (this.#logger === undefined && this.#now() - this.#startedAtMs >= TRY_AGAIN_MS) this.#start();
    const stdin = this.#logger?.stdin;
    if (stdin === undefined || stdin === null) throw new Error(this.#failure ?? 'logger has ended');
    if (stdin.writableLength > MAX_UNTAKEN_BYTES) throw new Error('logger takes nothing');
    stdin.write(text);
  };

  /** Logger ends when it has taken what is there. */
  close(): void {
    this.#logger?.stdin?.end();
  }

  #start(): void {
    this.#startedAtMs = this.#now();
    this.#failure = undefined;
    const args = ['--tag', 'platdumpfs', `--id=${process.pid}`, '--prio-prefix', '--socket-errors=on'];
    const logger = spawn(this.#command, args, { stdio: ['pipe', 'ignore', 'pipe'] });
    this.#logger = logger;
    let said = '';
    const end = (why: string): void => {
      this.#failure ??= why;
      if (this.#logger === logger) this.#logger = undefined;
    };
    logger.on('error', (error) => end(error.message));
    if (!hasPipes(logger)) return;
    logger.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(0, 200)));
    // What it did not take is lost with it.
    logger.stdin.on('error', () => undefined);
    logger.on('close', (status) => end(said.trim() || `logger ended with status ${String(status)}`));
    unrefChild(logger);
  }
}
