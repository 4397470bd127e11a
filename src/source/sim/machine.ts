import { performance } from 'node:perf_hooks';

/** Nobody books further ahead: there are not so many threads. The clock was set back. */
const MOST_AHEAD_US = 1_000_000n;

/**
 * "Only one processor is inside RTAS at a time", as time that calls take one after the other, in order of arrival. A call
 * books its stay behind all that were booked before and waits until it is over. So nobody holds a lock while he waits:
 * there is nobody to wake, and a thread that is killed leaves no more than its last stay behind.
 *
 * @see arch/powerpc/kernel/rtas.c, rtas_lock; arch/powerpc/lib/qspinlock.c
 */
export class FirmwareTime {
  static readonly BYTES = BigInt64Array.BYTES_PER_ELEMENT;
  /** When the last booked stay ends, in microseconds since the epoch: each thread has a `performance.now()` of its own. */
  readonly #bookedUntil: BigInt64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#bookedUntil = new BigInt64Array(memory, 0, 1);
  }

  /** @returns when the stay begins, as this thread's `performance.now()` */
  book(stayMs: number): number {
    const now = microseconds(performance.timeOrigin + performance.now());
    const stay = microseconds(stayMs);
    for (;;) {
      const booked = Atomics.load(this.#bookedUntil, 0);
      const begin = booked > now && booked - now < MOST_AHEAD_US ? booked : now;
      if (Atomics.compareExchange(this.#bookedUntil, 0, booked, begin + stay) === booked)
        return Number(begin) / 1000 - performance.timeOrigin;
    }
  }
}

function microseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1000));
}

export type Discipline = 'papr' | 'librtas';

/** The simulated machine as every thread gets it: structured-cloneable, its memory shared by all. */
export interface MachineSpec {
  readonly memory: SharedArrayBuffer;
  /** Which earlier sequences firmware accepts: `papr` the last one only, `librtas` any of this dump. */
  readonly discipline: Discipline;
  /** Duration of a call for a tag that says nothing else, in microseconds. */
  readonly latencyUs: number;
  /** Name of the channel that wakes the main thread after a dump went away. */
  readonly channel: string;
  /** Where each thread tells of its firmware calls. */
  readonly traceChannel?: string | undefined;
}

const CHANGES = 0;
const WORK_AREAS = 1;
const CELLS = 2;

/**
 * Work areas of 4 KiB that all PAPR drivers share: an arena of 256 KiB (arch/powerpc/platforms/pseries/
 * rtas-work-area.c). Each open handle keeps one.
 */
export const WORK_AREA_LIMIT = 64;

export function createMachineMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(FirmwareTime.BYTES + CELLS * Int32Array.BYTES_PER_ELEMENT);
}

/** One thread's view of the machine-wide state. */
export class MachineState {
  readonly time: FirmwareTime;
  readonly #cells: Int32Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.time = new FirmwareTime(memory);
    this.#cells = new Int32Array(memory, FirmwareTime.BYTES, CELLS);
  }

  /** Grows whenever firmware forgot a dump or noticed that one is gone. */
  get changes(): number {
    return Atomics.load(this.#cells, CHANGES);
  }

  countChange(): void {
    Atomics.add(this.#cells, CHANGES, 1);
  }

  /** Takes a work area. Sleeps while there is none, as the kernel does, for good if nobody closes a handle. */
  takeWorkArea(): void {
    for (;;) {
      const used = Atomics.load(this.#cells, WORK_AREAS);
      if (used >= WORK_AREA_LIMIT) Atomics.wait(this.#cells, WORK_AREAS, used);
      else if (Atomics.compareExchange(this.#cells, WORK_AREAS, used, used + 1) === used) return;
    }
  }

  freeWorkArea(): void {
    Atomics.sub(this.#cells, WORK_AREAS, 1);
    Atomics.notify(this.#cells, WORK_AREAS);
  }
}
