import { closeSync, writeSync } from 'node:fs';
import { openPrivateAppend } from '../base/private-file.js';

/** What becomes of a trace, for the log. */
export interface TraceNews {
  /** From now on lines are lost. */
  onTrouble(reason: string): void;
  /** Lines are written again. @param lost how many were not */
  onRecovery(lost: number): void;
}

/**
 * The file of `--trace-rtas`. A line that cannot be written is lost; the next one that can be says how many were, as `lost`.
 */
export class TraceFile implements Disposable {
  readonly #news: TraceNews;
  readonly #fd: number;
  #lost = 0;
  /** The last line was cut short: the next one does not continue it. */
  #isTorn = false;

  /** @throws Error in one line where a trace cannot be begun */
  constructor(path: string, news: TraceNews) {
    this.#news = news;
    this.#fd = openPrivateAppend(path);
  }

  /** @param line a JSON object, in one line */
  append(line: string): void {
    const lost = this.#lost;
    try {
      this.#write(lost === 0 ? line : `${line.slice(0, -1)},"lost":${lost}}`);
    } catch (error) {
      if (lost === 0) this.#news.onTrouble((error as Error).message);
      this.#lost += 1;
      return;
    }
    this.#lost = 0;
    if (lost > 0) this.#news.onRecovery(lost);
  }

  /** Lines have not come as far as this. */
  addLost(count: number): void {
    this.#lost += count;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #write(line: string): void {
    const bytes = Buffer.from(`${this.#isTorn ? '\n' : ''}${line}\n`);
    const written = writeSync(this.#fd, bytes);
    this.#isTorn = written < bytes.length;
    if (this.#isTorn) throw new Error('no space is left for a whole line');
  }
}
