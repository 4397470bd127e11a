import { LineWriter } from '../../base/line-writer.js';
import { withTime } from './with-time.js';

/** Lines that the writer has not taken, in bytes: what comes on top is lost. */
const MAX_UNTAKEN_BYTES = 64 * 1024;
/** A file system that has not answered for so long is not waited for. */
const PATIENCE_MS = 1000;
/** A writer that somebody killed is started again, but not more often than this. */
const TRY_AGAIN_MS = 10_000;

/**
 * The file of `--log-file`, which a process of its own writes: a file system that hangs holds nobody up. logrotate(8) moves
 * the file away and sends SIGHUP: then it is opened again.
 */
export class LogFile {
  readonly #open: () => Promise<LineWriter>;
  readonly #format: 'text' | 'json';
  #writer: LineWriter;
  #startedAtMs = performance.now();

  /**
   * @param onNotReopened told why the file cannot be opened again: the one that is open goes on
   * @throws Error in one line, for what is no file of our own
   */
  static async open(
    path: string,
    format: 'text' | 'json',
    onNotReopened: (reason: string) => void,
  ): Promise<LogFile> {
    // The file itself says what it lacks.
    const news = { onTrouble: () => undefined, onRecovery: () => undefined, onNotReopened };
    const open = (): Promise<LineWriter> => LineWriter.open('cli/log/log-process.js', path, news, [format]);
    try {
      return new LogFile(format, open, await open());
    } catch (error) {
      throw new Error(`cannot write the log: ${(error as Error).message}`, { cause: error });
    }
  }

  private constructor(format: 'text' | 'json', open: () => Promise<LineWriter>, writer: LineWriter) {
    this.#format = format;
    this.#open = open;
    this.#writer = writer;
  }

  /** @throws Error: the text is lost */
  readonly write = (text: string): void => {
    if (this.#writer.isGone) {
      this.#startAgain();
      throw new Error('nobody writes it');
    }
    if (this.#writer.untakenBytes > MAX_UNTAKEN_BYTES) throw new Error('nobody takes it');
    for (const line of text.trimEnd().split('\n'))
      this.#writer.append(this.#format === 'text' ? withTime(line) : line);
  };

  /** Resolves when the file has been opened again, or its file system does not answer. */
  async reopen(): Promise<void> {
    const writer = this.#writer;
    writer.reopen();
    await new Promise<void>((done) => {
      writer.settle(done);
      setTimeout(done, PATIENCE_MS).unref();
    });
  }

  /** Resolves when all is written, or the file system does not answer. */
  async close(): Promise<void> {
    await this.#writer[Symbol.asyncDispose]();
  }

  #startAgain(): void {
    if (performance.now() - this.#startedAtMs < TRY_AGAIN_MS) return;
    // One at a time: opening may take as long.
    this.#startedAtMs = Infinity;
    void this.#open()
      .then(
        (writer) => (this.#writer = writer),
        () => undefined,
      )
      .finally(() => (this.#startedAtMs = performance.now()));
  }
}
