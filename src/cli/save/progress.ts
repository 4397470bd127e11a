import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { formatSize } from '../../base/size.js';

const STDERR = 2;
const EVERY_MS = 200;
/** The rate is that of the last seconds: firmware may be fast with one dump and slow with the next. */
const RATE_OVER_MS = 5000;
const BAR_CELLS = 20;

/** A dump that is to be copied. */
export interface PlannedCopy {
  readonly tag: string;
  /** Bytes; undefined: not known yet. */
  readonly size: number | undefined;
}

/** How far a run over several dumps has come. Counts; shows nothing. */
export class Progress {
  readonly #planned: readonly PlannedCopy[];
  /** What came so far, by when: the first one is older than `RATE_OVER_MS`, or the beginning. */
  readonly #samples: { readonly atMs: number; readonly bytes: number }[];
  #at = -1;
  /** Of dumps that are through, whatever came of them. */
  #copiedBytes = 0;
  #done = 0;
  #total = 0;

  constructor(planned: readonly PlannedCopy[], nowMs: number) {
    this.#planned = planned;
    this.#samples = [{ atMs: nowMs, bytes: 0 }];
  }

  /** The next dump is begun. */
  next(): void {
    this.#at += 1;
    this.#copiedBytes += this.#done;
    this.#done = 0;
    this.#total = this.#planned[this.#at]?.size ?? 0;
  }

  /** @param done bytes of the present dump @param total its bytes, as far as known */
  update(done: number, total: number, nowMs: number): void {
    this.#done = done;
    this.#total = total;
    this.#samples.push({ atMs: nowMs, bytes: this.#copiedBytes + done });
    while ((this.#samples[1]?.atMs ?? Infinity) <= nowMs - RATE_OVER_MS) this.#samples.shift();
  }

  /** `2/3  0x0000000200000001  [########............]  40 % of 3.1 GiB, 110.0 MiB/s, 0:52 left` */
  line(): string {
    const { tag = '' } = this.#planned[this.#at] ?? {};
    const share = Math.min(1, this.#done / Math.max(1, this.#total));
    const cells = Math.floor(share * BAR_CELLS);
    const many = this.#planned.length > 1 ? `${this.#at + 1}/${this.#planned.length}  ` : '';
    const bar = `[${'#'.repeat(cells)}${'.'.repeat(BAR_CELLS - cells)}]`;
    const rate = this.#bytesPerSecond;
    const speed = `${formatSize(Math.round(rate))}/s`;
    return `${many}${tag}  ${bar}  ${Math.floor(share * 100)} % of ${formatSize(this.#total)}, ${speed}${this.#left(rate)}`;
  }

  get #bytesPerSecond(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined) return 0;
    return ((last.bytes - first.bytes) * 1000) / Math.max(1, last.atMs - first.atMs);
  }

  /** Until all dumps are copied. Nothing where that cannot be told: of one of them nobody knows the size. */
  #left(bytesPerSecond: number): string {
    const others = this.#planned.slice(this.#at + 1).map(({ size }) => size);
    if (bytesPerSecond < 1 || others.includes(undefined)) return '';
    const bytes = others.reduce<number>((sum, size = 0) => sum + size, this.#total - this.#done);
    return `, ${formatTime(Math.ceil(bytes / bytesPerSecond))} left`;
  }
}

/** `0:52`, `1:02:03` */
function formatTime(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`;
}

/** Shows it in one line of a terminal that is written over and over; elsewhere nothing. */
export class ProgressLine {
  readonly #progress: Progress;
  readonly #isShown = isatty(STDERR);
  #shownAtMs = -Infinity;
  #width = 0;

  constructor(planned: readonly PlannedCopy[]) {
    this.#progress = new Progress(planned, performance.now());
  }

  /** The next dump is begun. */
  next(): void {
    this.#progress.next();
  }

  show(done: number, total: number): void {
    const now = performance.now();
    this.#progress.update(done, total, now);
    if (!this.#isShown || now - this.#shownAtMs < EVERY_MS) return;
    this.#shownAtMs = now;
    this.#write(this.#progress.line());
  }

  /** Before anything else is written to the terminal. */
  clear(): void {
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
