import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/log.js';
import type { Hand, StartHand } from './hand.js';

/** Who wants a hand. */
export interface HandUser {
  /** A reader waits for the dump's first byte: others give way to it, at the end of their call. */
  readonly isUrgent: boolean;
  /** The hand is this user's until it releases it. */
  onHand(hand: Hand): void;
  /** Somebody waits for the hand: release it soon, or, `now`, when what was sent has come back. */
  onAskedBack(now: boolean): void;
  /** There is no thread, nor can one be started. */
  onNoHand(error: Error): void;
}

export interface PoolLimits {
  /** Hands that make calls side by side: firmware serves one call at a time, so more gain nothing. */
  readonly atWork: number;
  /** Hands with those that are stuck in a call. */
  readonly most: number;
}

interface Use {
  readonly user: HandUser;
  readonly sinceMs: number;
  asked: 'no' | 'soon' | 'now';
  /** As last looked at: a hand with which no call has come back between two looks is stuck in one. */
  calls: number;
  isStuck: boolean;
}

/** While somebody waits for a hand, all are looked at so often. */
export const LOOK_MS = 20;
/** A hand that somebody has had for so long is asked back when others wait. */
const SLICE_MS = 20;
/** After a thread could not be started. */
const RETRY_MS = 2000;

/**
 * The threads that make firmware calls. Any of them carries on any pass, so a few serve all dumps. Firmware calls cannot be
 * called off: while hands are stuck in one, others are started in their place, up to a limit.
 */
export class Pool {
  readonly #limits: PoolLimits;
  readonly #start: StartHand;
  readonly #log: Logger;
  readonly #now: () => number;
  /** Not used by anybody; the last one was used last. */
  readonly #idle: Hand[] = [];
  readonly #uses = new Map<Hand, Use>();
  readonly #starting = new Set<Hand>();
  readonly #queue: HandUser[] = [];
  /** Ends of hands that nobody needed any more. */
  readonly #ends = new Set<Promise<void>>();
  #looking: NodeJS.Timeout | undefined;
  #retryAtMs = -Infinity;
  #hasComplained = false;
  #isEnded = false;
  #rests = false;

  constructor(limits: PoolLimits, start: StartHand, log: Logger, now: () => number) {
    this.#limits = limits;
    this.#start = start;
    this.#log = log;
    this.#now = now;
  }

  /** Users that have a hand or wait for one. */
  get inTransfer(): number {
    return this.#uses.size + this.#queue.length;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Starts a hand for whoever comes first: that takes as long as hundreds of firmware calls. */
  getReady(): void {
    if (this.#size === 0) this.#startOne();
  }

  /** Gives `user` a hand, at once or as soon as there is one. */
  request(user: HandUser): void {
    if (this.#isEnded) return;
    if (!this.#queue.includes(user)) this.#queue.push(user);
    this.#serve();
  }

  /** The user does not want a hand any more. */
  withdraw(user: HandUser): void {
    const at = this.#queue.indexOf(user);
    if (at >= 0) this.#queue.splice(at, 1);
  }

  /** Takes back a hand that has nothing to do. */
  release(hand: Hand): void {
    if (!this.#uses.delete(hand)) return;
    hand.use(undefined);
    this.#idle.push(hand);
    this.#serve();
    // Hands that were started in the place of stuck ones.
    while (this.#idle.length > 0 && this.#size > this.#limits.atWork) this.#endOldest();
  }

  /** Looks who waits, and for what. Called by itself while somebody does. */
  look(): void {
    if (this.#rests) return;
    for (const [hand, use] of this.#uses) {
      const { calls } = hand.control;
      use.isStuck = use.calls === calls;
      use.calls = calls;
    }
    if (this.#queue.length > 0 && this.#mayGrow) this.#startOne();
    this.#serve();
  }

  /**
   * Gives no hand to anybody until `goOn`, and waits for those that are at work.
   *
   * @param isStillWanted asked again and again
   * @returns false: one is not back after `limitMs`, or that is not wanted any more
   */
  async rest(limitMs: number, isStillWanted: () => boolean): Promise<boolean> {
    this.#rests = true;
    const untilMs = this.#now() + limitMs;
    for (;;) {
      for (const use of this.#uses.values()) this.#askFor(use);
      if (this.#uses.size === 0) return true;
      if (this.#now() >= untilMs || !isStillWanted()) return false;
      await sleep(LOOK_MS, undefined, { ref: false });
    }
  }

  goOn(): void {
    this.#rests = false;
    this.#serve();
  }

  /** Waits for hands that are being ended as well: Node would stop them where they are when the process exits. */
  async end(): Promise<void> {
    this.#isEnded = true;
    clearTimeout(this.#looking);
    this.#queue.length = 0;
    const hands = [...this.#idle.splice(0), ...this.#uses.keys(), ...this.#starting];
    this.#uses.clear();
    this.#starting.clear();
    await Promise.all([...this.#ends, ...hands.map((hand) => hand.end())]);
  }

  get #size(): number {
    return this.#idle.length + this.#uses.size + this.#starting.size;
  }

  get #mayGrow(): boolean {
    if (this.#starting.size > 0 || this.#size >= this.#limits.most || this.#now() < this.#retryAtMs)
      return false;
    const stuck = [...this.#uses.values()].filter(({ isStuck }) => isStuck).length;
    return this.#size - stuck < this.#limits.atWork;
  }

  #serve(): void {
    if (this.#rests) return;
    for (;;) {
      const user = this.#queue.find(({ isUrgent }) => isUrgent) ?? this.#queue[0];
      const hand = user === undefined ? undefined : this.#idle.pop();
      if (user === undefined || hand === undefined) break;
      this.withdraw(user);
      const { calls } = hand.control;
      this.#uses.set(hand, { user, sinceMs: this.#now(), asked: 'no', calls, isStuck: false });
      user.onHand(hand);
    }
    if (this.#queue.length === 0) return;
    if (this.#size === 0) this.#startOne();
    this.#askBack();
    this.#lookSoon();
  }

  /** Asks for as many hands as somebody waits for; those first that somebody has had longest. */
  #askBack(): void {
    const urgent = this.#queue.filter(({ isUrgent }) => isUrgent).length;
    const uses = [...this.#uses.values()];
    let now = uses.filter(({ asked }) => asked === 'now').length;
    let all = uses.filter(({ asked }) => asked !== 'no').length;
    for (const use of uses) {
      if (now < urgent && use.asked !== 'now' && !use.user.isUrgent) {
        if (use.asked === 'no') all += 1;
        now += 1;
        this.#askFor(use);
      } else if (all < this.#queue.length && use.asked === 'no' && this.#now() - use.sinceMs >= SLICE_MS) {
        all += 1;
        use.asked = 'soon';
        use.user.onAskedBack(false);
      }
    }
  }

  #askFor(use: Use): void {
    if (use.asked === 'now') return;
    use.asked = 'now';
    use.user.onAskedBack(true);
  }

  #lookSoon(): void {
    this.#looking ??= setTimeout(() => {
      this.#looking = undefined;
      this.look();
    }, LOOK_MS).unref();
  }

  #startOne(): void {
    if (this.#isEnded || this.#now() < this.#retryAtMs) return;
    try {
      const hand: Hand = this.#start({
        onReady: () => this.#onReady(hand),
        onGone: (error) => this.#onGone(hand, error),
      });
      this.#starting.add(hand);
    } catch (error) {
      this.#onNotStarted(error as Error);
    }
  }

  #onReady(hand: Hand): void {
    if (!this.#starting.delete(hand)) return;
    this.#hasComplained = false;
    this.#idle.push(hand);
    this.#serve();
  }

  #onGone(hand: Hand, error: Error): void {
    if (this.#starting.delete(hand)) this.#onNotStarted(error);
    this.#uses.delete(hand);
    const at = this.#idle.indexOf(hand);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#serve();
  }

  /** Goes on with the hands there are, and tries again later. */
  #onNotStarted(error: Error): void {
    this.#retryAtMs = this.#now() + RETRY_MS;
    if (!this.#hasComplained)
      this.#log.warn('cannot start another thread for firmware calls, going on with those there are', {
        threads: this.#size,
        reason: error.message,
      });
    this.#hasComplained = true;
    if (this.#size > 0) return;
    for (const user of this.#queue.splice(0)) user.onNoHand(error);
  }

  #endOldest(): void {
    const end = this.#idle.shift()?.end();
    if (end === undefined) return;
    this.#ends.add(end);
    void end.finally(() => this.#ends.delete(end));
  }
}
