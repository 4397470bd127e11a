import { availableParallelism } from 'node:os';

const NEXT = 0;
const SERVING = 1;
const SLOT_BASE = 2;
/** More waiting threads than this share a slot and wake each other needlessly, nothing worse. */
const SLOTS = 64;

/** Looks at the lock this often before parking: about as long as a call without latency. */
const SPINS = availableParallelism() > 1 ? 1000 : 0;

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
  readonly #cells: Int32Array<SharedArrayBuffer>;

  constructor(cells: Int32Array<SharedArrayBuffer>) {
    this.#cells = cells;
  }

  /** @returns the ticket to give back */
  acquire(): number {
    const ticket = Atomics.add(this.#cells, NEXT, 1);
    for (let spins = 0; spins < SPINS; spins += 1) {
      if (Atomics.load(this.#cells, SERVING) === ticket) return ticket;
    }
    this.#park(ticket);
    return ticket;
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
      if (Atomics.wait(this.#cells, slot, before, PATIENCE_SLICE_MS) !== 'timed-out') continue;
      patience -= 1;
      if (patience === 0) this.#pass(serving);
    }
  }

  /** Ends the turn of `ticket`, unless somebody did so already. */
  #pass(ticket: number): void {
    const next = (ticket + 1) | 0;
    if (Atomics.compareExchange(this.#cells, SERVING, ticket, next) !== ticket) return;
    // Who takes ticket `next` after this look finds it being served already.
    if (Atomics.load(this.#cells, NEXT) === next) return;
    Atomics.store(this.#cells, slotOf(next), next);
    Atomics.notify(this.#cells, slotOf(next));
  }
}

function slotOf(ticket: number): number {
  return SLOT_BASE + (ticket & (SLOTS - 1));
}
