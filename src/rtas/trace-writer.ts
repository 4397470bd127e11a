import type { LineNews } from '../base/line-file.js';
import { LineWriter } from '../base/line-writer.js';
import { TraceDesk } from './trace-desk.js';

/** Has the trace of firmware calls written: what threads say on a channel, in the order in which they say it. */
export class TraceWriter implements AsyncDisposable {
  readonly #writer: LineWriter;
  readonly #desk: TraceDesk;

  /** @throws Error in one line where the trace cannot be begun */
  static async open(path: string, news: LineNews): Promise<TraceWriter> {
    return new TraceWriter(await LineWriter.open('rtas/trace-process.js', path, news));
  }

  private constructor(writer: LineWriter) {
    this.#writer = writer;
    this.#desk = new TraceDesk(writer);
  }

  /** For `FirmwareTrace`s. */
  get channel(): string {
    return this.#desk.channel;
  }

  /** Resolves when the writer has written what it was given, or does not answer: it goes on alone then, until it can end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#desk[Symbol.dispose]();
    await this.#writer[Symbol.asyncDispose]();
  }
}
