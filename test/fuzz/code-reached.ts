import type { Profiler } from 'node:inspector';
import { Session } from 'node:inspector';

/** From a position in the script up to another one. */
type Range = readonly [from: number, to: number];

/** What of one script has been run, block by block, as V8 counts it. */
export class CodeReached {
  readonly #session = new Session();
  readonly #url: string;
  /** By function, once it has been run: what of it has not. */
  readonly #untouched = new Map<string, readonly Range[]>();

  constructor(url: string) {
    this.#url = url;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Functions that have been run. */
  get functions(): number {
    return this.#untouched.size;
  }

  /** Whether something was run since the last call for the first time. @param isKept it is known from then on */
  hasNews(isKept: boolean): boolean {
    let isNews = false;
    for (const { ranges } of this.#take().find(({ url }) => url === this.#url)?.functions ?? []) {
      const [whole, ...blocks] = ranges;
      if (whole === undefined || whole.count === 0) continue;
      const name = `${whole.startOffset} ${whole.endOffset}`;
      const notRun = blocks
        .filter(({ count }) => count === 0)
        .map(({ startOffset, endOffset }) => [startOffset, endOffset] as const);
      const before = this.#untouched.get(name);
      const now = before === undefined ? notRun : overlaps(before, notRun);
      if (before !== undefined && bytesIn(now) === bytesIn(before)) continue;
      isNews = true;
      if (isKept) this.#untouched.set(name, now);
    }
    return isNews;
  }

  #take(): Profiler.ScriptCoverage[] {
    let taken: Profiler.ScriptCoverage[] = [];
    // Answered before it returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error !== null) throw error;
      taken = result;
    });
    return taken;
  }
}

function overlaps(some: readonly Range[], others: readonly Range[]): Range[] {
  return some.flatMap(([from, to]) =>
    others
      .map(([otherFrom, otherTo]) => [Math.max(from, otherFrom), Math.min(to, otherTo)] as const)
      .filter(([start, end]) => start < end),
  );
}

function bytesIn(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0);
}
