import type { DumpRecord } from './dump-record.js';
import type { Fault } from './side-file.js';

/** The faults of one dump by place: which one strikes now, and where the next one waits. */
export class FaultPlan {
  readonly #faults: readonly Fault[];
  readonly #places: readonly number[];

  constructor(faults: readonly Fault[]) {
    this.#faults = faults;
    const places = faults.flatMap(({ at }) => (typeof at === 'number' ? [at] : []));
    this.#places = [...new Set(places)].sort((a, b) => a - b);
  }

  /** Whether a call of its own begins at `offset` for a fault's sake. Stays so after the fault is used up. */
  has(offset: number): boolean {
    return offset === this.nextFrom(offset);
  }

  /** The first place of a fault at or behind `offset`, `Infinity` when there is none. */
  nextFrom(offset: number): number {
    let low = 0;
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#places[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return this.#places[low] ?? Infinity;
  }

  /** The status that the call at this place is answered with, counted as used; absent: the call goes through. */
  strike(at: Fault['at'], record: DumpRecord): number | undefined {
    if (at !== 'invalidate' && !this.has(at)) return undefined;
    const index = this.#faults.findIndex((fault, i) => fault.at === at && record.faultUses(i) < fault.times);
    if (index < 0) return undefined;
    record.useFault(index);
    return this.#faults[index]?.status;
  }
}
