import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';

const NEXT = 0;
const SERVING = 1;
const SLOT_BASE = 2;
/** More waiting threads than this share a slot and wake each other needlessly, nothing worse. */
const SLOTS = 64;

/** How long to look at the lock before parking: about as long as a call without latency. */
const FIRST_SPIN_MS = 0.005;
/** How long to look at it after "you are next": covers the notice and a few delays by the scheduler. */
const NEXT_SPIN_MS = 0.2;
/** A clock is read once for so many looks. */
const LOOKS = 50;

// On a single processor, looking only keeps the holder from running.
const MAY_SPIN = availableParallelism() > 1;

const PATIENCE_SLICE_MS = 100;
/** A turn that does not end for this many slices in a row belongs to a thread that was killed in it. */
const PATIENCE_SLICES = 20;

/**
 * "Only one processor is inside RTAS at a time", for threads: a fair lock, served in the order of arrival.
 *
 * The holder never sleeps for delays in it, only for a call's own (short) duration. A thread that is terminated
 * while it holds or awaits its turn is passed over after two seconds.
 */
export class RtasLock {
  static readonly CELLS = SLOT_BASE + SLOTS;
  /** Time that a parked thread takes to come back, in milliseconds: `foretell` so long before `release`. */
  static readonly NOTICE_MS = 0.08;
  readonly #cells: Int32Array<SharedArrayBuffer>;

  constructor(cells: Int32Array<SharedArrayBuffer>) {
    this.#cells = cells;
  }

  /** @returns the ticket to give back */
  acquire(): number {
    const ticket = Atomics.add(this.#cells, NEXT, 1);
    if (!this.#spin(ticket, FIRST_SPIN_MS)) this.#park(ticket);
    return ticket;
  }

  /** Wakes whoever comes next, so that the turn passes without the delay of a wake-up. */
  foretell(ticket: number): void {
    const next = (ticket + 1) | 0;
    if (Atomics.load(this.#cells, NEXT) !== next) this.#wake(next, ~next);
  }

  release(ticket: number): void {
    this.#pass(ticket);
  }

  #park(ticket: number): void {
    const slot = slotOf(ticket);
    let patience = PATIENCE_SLICES;
    for (let seen: number | undefined; ;) {
      // The slot is read first: a turn passed on between the two looks changes it, and the wait returns at once.
      const before = Atomics.load(this.#cells, slot);
      const serving = Atomics.load(this.#cells, SERVING);
      if (serving === ticket) return;
      if (serving !== seen) patience = PATIENCE_SLICES;
      seen = serving;
      if (Atomics.wait(this.#cells, slot, before, PATIENCE_SLICE_MS) !== 'timed-out') {
        if (this.#spin(ticket, NEXT_SPIN_MS)) return;
        continue;
      }
      patience -= 1;
      if (patience === 0) this.#pass(serving);
    }
  }

  /** @returns whether the turn came within that time */
  #spin(ticket: number, forMs: number): boolean {
    if (Atomics.load(this.#cells, SERVING) === ticket) return true;
    if (!MAY_SPIN) return false;
    const until = performance.now() + forMs;
    do {
      for (let looks = 0; looks < LOOKS; looks += 1)
        if (Atomics.load(this.#cells, SERVING) === ticket) return true;
    } while (performance.now() < until);
    return false;
  }

  /** Ends the turn of `ticket`, unless somebody did so already. */
  #pass(ticket: number): void {
    const next = (ticket + 1) | 0;
    if (Atomics.compareExchange(this.#cells, SERVING, ticket, next) !== ticket) return;
    // Who takes ticket `next` after this look finds it being served already.
    if (Atomics.load(this.#cells, NEXT) !== next) this.#wake(next, next);
  }

  #wake(ticket: number, word: number): void {
    Atomics.store(this.#cells, slotOf(ticket), word);
    Atomics.notify(this.#cells, slotOf(ticket));
  }
}

function slotOf(ticket: number): number {
  return SLOT_BASE + (ticket & (SLOTS - 1));
}
