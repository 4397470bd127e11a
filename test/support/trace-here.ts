import { LineFile } from '../../src/base/line-file.js';
import { TraceDesk } from '../../src/rtas/index.js';

/** A trace that this process writes by itself: `channel` is for sources whose threads it starts. */
export class TraceHere implements Disposable {
  readonly #file: LineFile;
  readonly #desk: TraceDesk;

  constructor(path: string) {
    const file = new LineFile(path, (line) => line, {
      onTrouble: (reason) => unexpected(reason),
      onRecovery: () => undefined,
    });
    this.#file = file;
    this.#desk = new TraceDesk({
      append: (line) => file.append(line),
      addLost: (count) => file.addLost(count),
      settle: (done) => done(),
    });
  }

  get channel(): string {
    return this.#desk.channel;
  }

  /** A read may be answered before the event loop has come to the line about its call. */
  drain(): void {
    this.#desk.drain();
  }

  [Symbol.dispose](): void {
    this.#desk[Symbol.dispose]();
    this.#file[Symbol.dispose]();
  }
}

function unexpected(reason: string): never {
  throw new Error(`the trace cannot be written: ${reason}`);
}
