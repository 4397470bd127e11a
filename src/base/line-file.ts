import { closeSync, writeSync } from 'node:fs';
import { openPrivateAppend } from './private-file.js';

/** What becomes of lines. */
export interface LineNews {
  /** From now on lines are lost. */
  onTrouble(reason: string): void;
  /** Lines are written again. @param lost how many were not */
  onRecovery(lost: number): void;
}

/** Says how many lines were lost before this one: in it, or in one that comes before it. */
export type WithLost = (line: string, lost: number) => string;

/** A file of lines that only its owner reads. A line that cannot be written is lost; the next one that can be says how many were. */
export class LineFile implements Disposable {
  readonly #path: string;
  readonly #withLost: WithLost;
  readonly #news: LineNews;
  #fd: number;
  #lost = 0;
  /** The last line was cut short: the next one does not continue it. */
  #isTorn = false;

  /** @throws Error in one line where the file cannot be used */
  constructor(path: string, withLost: WithLost, news: LineNews) {
    this.#path = path;
    this.#withLost = withLost;
    this.#news = news;
    this.#fd = openPrivateAppend(path);
  }

  /** @param line bytes as `latin1`, without the end of the line */
  append(line: string): void {
    const lost = this.#lost;
    try {
      this.#write(lost === 0 ? line : this.#withLost(line, lost));
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

  /** Somebody has moved the file away. @throws Error: the file that was open goes on to be written */
  reopen(): void {
    const fd = openPrivateAppend(this.#path);
    closeSync(this.#fd);
    this.#fd = fd;
    this.#isTorn = false;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #write(line: string): void {
    const bytes = Buffer.from(`${this.#isTorn ? '\n' : ''}${line}\n`, 'latin1');
    const written = writeSync(this.#fd, bytes);
    this.#isTorn = written < bytes.length;
    if (this.#isTorn) throw new Error('no space is left for a whole line');
  }
}
