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
