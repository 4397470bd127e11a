import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { formatSize } from '../../base/size.js';

const STDERR = 2;
const EVERY_MS = 200;

/** How far a copy has come, in one line of a terminal that is written over and over; elsewhere nothing. */
export class ProgressLine implements Disposable {
  readonly #what: string;
  readonly #isShown = isatty(STDERR);
  readonly #beganAtMs = performance.now();
  #shownAtMs = -Infinity;
  #width = 0;

  constructor(what: string) {
    this.#what = what;
  }

  show(done: number, total: number): void {
    const now = performance.now();
    if (!this.#isShown || now - this.#shownAtMs < EVERY_MS) return;
    this.#shownAtMs = now;
    const perSecond = (done * 1000) / Math.max(1, now - this.#beganAtMs);
    const percent = Math.floor((100 * done) / Math.max(1, total));
    this.#write(
      `${this.#what}  ${percent} % of ${formatSize(total)}, ${formatSize(Math.round(perSecond))}/s`,
    );
  }

  [Symbol.dispose](): void {
    if (this.#width > 0) this.#write('');
  }

  #write(text: string): void {
    const line = `\r${text.padEnd(this.#width)}${text === '' ? '\r' : ''}`;
    this.#width = text.length;
    try {
      writeSync(STDERR, line);
    } catch {
      // Nobody looks.
    }
  }
}
