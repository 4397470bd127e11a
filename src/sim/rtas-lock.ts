import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';

/** The ticket that was drawn last. Tickets are even; the lowest bit is free for `INSIDE`. */
const LAST = 0;
/** The ticket whose turn it is, with `INSIDE` while it makes a call or has not come for it yet. */
const TURN = 1;
/** The ticket of a thread that is next in line and awake: only to such a one a turn is passed in good time. */
const LOOKING = 2;
/** More waiting threads than this share a slot and wake each other needlessly, nothing worse. */
const SLOTS = 64;
/** By slot: a word to park at, and how long the call will stay that a thread waits for, in microseconds. */
const WAKES = 3;
const STAYS = WAKES + SLOTS;

const STEP = 2;
const INSIDE = 1;

/**
 * How long a turn is while others wait, in microseconds, if the slowest of all has it. A turn costs a wake-up. While it
 * lasts its thread keeps a processor, and whoever answers users may have to wait for its end.
 */
const TURN_US = 300;
/** A turn that is over goes on until the next in line is awake, but not beyond so many times its calls, or this time. */
const MOST_TURNS = 2;
const MOST_TURN_MS = 4;
/** What a call takes that says it takes no time. */
const SHORTEST_STAY_US = 2;

/** Who is next in line looks so often whether the turn is still made use of. */
const FIRST_LOOK_MS = 0.5;
const LAST_LOOK_MS = 100;
/** A turn in which nothing happens for so long belongs to a thread that was killed in it. */
const PATIENCE_MS = 2000;

/** How long to look at the lock after "you are next": covers the notice and a call. */
const NEXT_SPIN_MS = 0.2;
/** A clock is read once for so many looks. */
const LOOKS = 50;

// On a single processor, looking only keeps the holder from running.
const MAY_SPIN = availableParallelism() > 1;

/**
 * "Only one processor is inside RTAS at a time", for threads. Linux has a spinlock for it: who waits occupies a
 * processor, processors take turns call by call, and a thread without one is not in line. Here who waits sleeps, as if
 * there were processors enough, and a thread goes on calling for a short turn, since to pass the lock on takes a
 * wake-up. While several wait, each makes the same number of calls in its turn, as few as the slowest of them can make
 * in `TURN_US`; what it makes more, because the next one was not awake yet, its next turn has less. Turns are in order
 * of arrival.
 *
 * Between two calls of a turn nobody is inside, and who is next in line may come in. So a turn that its thread does
 * not go on with ends by itself. One in which a thread was killed is over after two seconds.
 *
 * Each thread has a view of its own.
 *
 * @see arch/powerpc/kernel/rtas.c, rtas_lock; arch/powerpc/lib/qspinlock.c
 */
export class RtasLock {
  static readonly CELLS = STAYS + SLOTS;
  /** Time that a parked thread takes to come back, in milliseconds: `foretell` so long before `release`. */
  static readonly NOTICE_MS = 0.08;
  readonly #cells: Int32Array<SharedArrayBuffer>;
  /** The turn that this thread had last, and may go on with if nobody else has come. */
  #ticket: number | undefined;
  #calls = 0;
  #begunMs = 0;
  #stayMs = 0;

  constructor(cells: Int32Array<SharedArrayBuffer>) {
    this.#cells = cells;
  }

  /** @param stayMs how long the call will take: equal numbers of calls are fair, whatever the time they take */
  acquire(stayMs: number): void {
    this.#stayMs = stayMs;
    const ticket = this.#ticket;
    if (ticket !== undefined && this.#change(ticket, ticket | INSIDE)) {
      this.#calls += 1;
      return;
    }
    this.#ticket = this.#awaitTurn(stayMs);
    // What the last turn had too many, this one has too few.
    const calls = this.#turnCalls();
    this.#calls = 1 + Math.min(calls, Math.max(0, this.#calls - calls));
    this.#begunMs = performance.now();
  }

  /** Wakes whoever comes next if this turn is about to end, so that it passes without the delay of a wake-up. */
  foretell(): void {
    if (!MAY_SPIN || !this.#isAwaited) return;
    if ((this.#turnCalls() - this.#calls) * this.#stayMs < RtasLock.NOTICE_MS)
      this.#wake(this.#current + STEP);
  }

  release(): void {
    const ticket = this.#current;
    // Somebody may have lost patience meanwhile. Who draws a ticket after the change finds nobody inside.
    if (this.#change(ticket | INSIDE, ticket) && this.#isAwaited && this.#mustPass()) this.#pass(ticket);
  }

  get #current(): number {
    return this.#ticket ?? 0;
  }

  get #isAwaited(): boolean {
    return Atomics.load(this.#cells, LAST) !== this.#current;
  }

  #mustPass(): boolean {
    const calls = this.#turnCalls();
    if (this.#calls < calls) return performance.now() - this.#begunMs >= MOST_TURN_MS;
    if (Atomics.load(this.#cells, LOOKING) === ((this.#current + STEP) | 0)) return true;
    return this.#calls >= MOST_TURNS * calls || performance.now() - this.#begunMs >= MOST_TURN_MS;
  }

  /** How many calls a turn has at this moment. */
  #turnCalls(): number {
    let longestUs = SHORTEST_STAY_US;
    const last = Atomics.load(this.#cells, LAST);
    for (let ticket = this.#current; ; ticket = (ticket + STEP) | 0) {
      longestUs = Math.max(longestUs, Atomics.load(this.#cells, STAYS + slotOf(ticket)));
      if (ticket === last) return Math.max(1, Math.floor(TURN_US / longestUs));
    }
  }

  /** @returns the ticket whose turn has come */
  #awaitTurn(stayMs: number): number {
    for (;;) {
      const ticket = (Atomics.add(this.#cells, LAST, STEP) + STEP) | 0;
      Atomics.store(this.#cells, STAYS + slotOf(ticket), Math.round(stayMs * 1000));
      if (this.#enter(ticket) || this.#park(ticket)) return ticket;
    }
  }

  /** @returns whether it is this ticket's turn */
  #enter(ticket: number): boolean {
    const before = (ticket - STEP) | 0;
    const turn = Atomics.load(this.#cells, TURN);
    return turn === (ticket | INSIDE) || (turn === before && this.#change(before, ticket | INSIDE));
  }

  /** @returns false: this thread did not come for its turn in time, and the others went on without it */
  #park(ticket: number): boolean {
    const wake = WAKES + slotOf(ticket);
    let unchangedMs = 0;
    for (let seen: number | undefined; ;) {
      // This word is read first: a turn passed on between the looks changes it, and the wait returns at once.
      const before = Atomics.load(this.#cells, wake);
      const turn = Atomics.load(this.#cells, TURN);
      if (this.#enter(ticket)) return true;
      const ahead = (ticket - STEP - (turn & ~INSIDE)) >> 1;
      if (ahead < 0) return false;
      if (turn !== seen) unchangedMs = 0;
      seen = turn;
      if (unchangedMs >= PATIENCE_MS) this.#endStaleTurn(turn);
      const lookMs = Math.min(LAST_LOOK_MS, Math.max(FIRST_LOOK_MS + (ahead * TURN_US) / 1000, unchangedMs));
      // Added up from slices that did time out: a process that is stopped for long loses no patience meanwhile.
      if (Atomics.wait(this.#cells, wake, before, lookMs) === 'timed-out') unchangedMs += lookMs;
      else if (this.#spin(ticket)) return true;
    }
  }

  /** @returns whether the turn came soon */
  #spin(ticket: number): boolean {
    const until = performance.now() + NEXT_SPIN_MS;
    if (MAY_SPIN) Atomics.store(this.#cells, LOOKING, ticket);
    do {
      for (let looks = 0; looks < LOOKS; looks += 1) if (this.#enter(ticket)) return true;
    } while (MAY_SPIN && performance.now() < until);
    Atomics.compareExchange(this.#cells, LOOKING, ticket, 0);
    return this.#enter(ticket);
  }

  /** Somebody was killed: the call under way counts as ended; without one, who is next in line as served. */
  #endStaleTurn(turn: number): void {
    const ticket = turn & ~INSIDE;
    const ended = ticket === turn ? (ticket + STEP) | 0 : ticket;
    if (this.#change(turn, ended)) this.#wake(ended + STEP);
  }

  /** Ends a turn between two of its calls, unless somebody did so already. */
  #pass(ticket: number): void {
    const next = (ticket + STEP) | 0;
    if (this.#change(ticket, next | INSIDE)) this.#wake(next);
  }

  /** @returns false: the turn was another one */
  #change(from: number, to: number): boolean {
    return Atomics.compareExchange(this.#cells, TURN, from, to) === from;
  }

  #wake(ticket: number): void {
    Atomics.add(this.#cells, WAKES + slotOf(ticket), 1);
    Atomics.notify(this.#cells, WAKES + slotOf(ticket));
  }
}

function slotOf(ticket: number): number {
  return (ticket >> 1) & (SLOTS - 1);
}
