import type { ResumePoint } from '../source/index.js';
import { BEGINNING } from '../source/index.js';

/** A place where a pass may start. */
export interface StartPoint {
  readonly offset: number;
  readonly resume: ResumePoint;
}

export const START: StartPoint = { offset: 0, resume: BEGINNING };

const MOST_POINTS = 16_384;

/**
 * Remembers which sequence firmware returned at which offset, sparsely: when the list is full, every second point
 * goes and the distance between new ones doubles, so memory does not grow with the dump.
 */
export class ResumePoints {
  readonly #most: number;
  #points: StartPoint[] = [];
  #strideBytes = 0;

  constructor(most = MOST_POINTS) {
    this.#most = most;
  }

  /** Records a point; ignored unless it lies far enough behind the last one. */
  record(offset: number, resume: ResumePoint): void {
    const last = this.#points.at(-1)?.offset ?? 0;
    if (offset <= last || offset < last + this.#strideBytes) return;
    this.#points.push({ offset, resume });
    if (this.#points.length >= this.#most) this.#thin();
  }

  /** The nearest known point at or before `offset`. */
  nearest(offset: number): StartPoint {
    let low = 0;
    let high = this.#points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#points[middle]?.offset ?? Infinity) > offset) high = middle;
      else low = middle + 1;
    }
    return this.#points[low - 1] ?? START;
  }

  /** A transfer that begins anew makes the old one's sequences worthless. */
  clear(): void {
    this.#points = [];
    this.#strideBytes = 0;
  }

  #thin(): void {
    this.#points = this.#points.filter((_, at) => at % 2 === 1);
    const first = this.#points[0]?.offset ?? 0;
    const last = this.#points.at(-1)?.offset ?? 0;
    this.#strideBytes = Math.ceil((last - first) / Math.max(1, this.#points.length - 1));
  }
}
