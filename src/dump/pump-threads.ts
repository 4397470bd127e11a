import type { DumpTag } from '../base/tag.js';
import type { Control, PumpCommand, PumpEvent } from './pump-protocol.js';

/** What a thread tells the pump that uses it. */
export interface PumpThreadListener {
  onEvent(event: PumpEvent): void;
  /** The thread died: its cursor and all commands under way are lost. */
  onCrash(error: Error): void;
}

/** A thread that makes firmware calls for one pump at a time. */
export interface PumpThread {
  readonly control: Control;
  use(listener: PumpThreadListener | undefined): void;
  send(command: PumpCommand): void;
  /** Ends the thread even when it waits inside the simulated firmware. A real call under way ends first. */
  end(): Promise<void>;
}

/** Starts a thread. `onGone` is to be called when it died by itself. */
export type StartPumpThread = (onGone: () => void) => PumpThread;

/** Who wants a thread, and who might give one up. */
export interface ThreadClient {
  /** Firmware allows one handle per tag: two incarnations never hold a thread at the same time. */
  readonly tag: DumpTag;
  /** A thread became free for this client. */
  onThread(thread: PumpThread): void;
  /**
   * How little it would hurt this client to close its cursor and hand its thread back: lower is better,
   * undefined: not now.
   */
  readonly costOfYielding: number | undefined;
  /** Close the cursor, then `release` the thread. */
  yieldThread(): void;
  /** Its thread has been in one firmware call for long: it cannot be had back, and does no work either. */
  readonly isStuck: boolean;
}

const SPARE_THREADS = 2;

/**
 * The bounded set of pump threads: as many as firmware handles may be open at once. Firmware calls cannot be called
 * off, so threads that are stuck in one are replaced, as far as `mostExtra` goes.
 */
export class PumpThreads {
  readonly #most: number;
  readonly #mostExtra: number;
  readonly #start: StartPumpThread;
  readonly #spare: PumpThread[] = [];
  readonly #holders = new Map<PumpThread, ThreadClient>();
  readonly #queue: ThreadClient[] = [];
  /** Holders that were asked for their thread and have not given it back yet. */
  readonly #yielding = new Set<ThreadClient>();
  /** Ends of threads that nobody needed any more. */
  readonly #ends = new Set<Promise<void>>();
  #keepsOneReady = false;

  constructor(most: number, mostExtra: number, start: StartPumpThread) {
    this.#most = most;
    this.#mostExtra = mostExtra;
    this.#start = start;
  }

  /** Clients that wait for a thread because all are busy. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Threads that somebody holds: dumps in transfer. */
  get inUse(): number {
    return this.#holders.size;
  }

  /** Gives `client` a thread, at once or as soon as somebody yields one. */
  request(client: ThreadClient): void {
    if (!this.#queue.includes(client)) this.#queue.push(client);
    this.#serve();
  }

  /** The client does not want a thread any more. */
  withdraw(client: ThreadClient): void {
    const at = this.#queue.indexOf(client);
    if (at >= 0) this.#queue.splice(at, 1);
  }

  /**
   * From now on there is a thread ready for whoever comes next, started while nothing is in transfer: to start one takes as
   * long as hundreds of firmware calls.
   */
  keepOneReady(): void {
    this.#keepsOneReady = true;
    this.#makeReady();
  }

  /** Looks whether threads got stuck while clients wait. Called now and then. */
  tick(): void {
    if (this.#queue.length > 0) this.#serve();
    else this.#makeReady();
  }

  /** Takes back a thread whose cursor is closed. */
  release(thread: PumpThread): void {
    thread.use(undefined);
    const holder = this.#holders.get(thread);
    if (holder === undefined) return;
    this.#holders.delete(thread);
    this.#yielding.delete(holder);
    this.#spare.push(thread);
    this.#serve();
    while (this.#spare.length > SPARE_THREADS) this.#endOldestSpare();
  }

  /** Asks the holders who mind least to yield, as many as somebody waits for. */
  reclaim(): void {
    const wanted = this.#queue.filter((client) => !this.#isHeld(client.tag)).length;
    while (this.#yielding.size < wanted) {
      const holder = this.#cheapest();
      if (holder === undefined) return;
      this.#yielding.add(holder);
      holder.yieldThread();
    }
  }

  /** Waits for threads that are being ended as well: Node would stop them where they are when the process exits. */
  async end(): Promise<void> {
    this.#keepsOneReady = false;
    this.#queue.length = 0;
    const threads = [...this.#spare.splice(0), ...this.#holders.keys()];
    this.#holders.clear();
    await Promise.all([...this.#ends, ...threads.map((thread) => thread.end())]);
  }

  #endOldestSpare(): void {
    const end = this.#spare.shift()?.end();
    if (end === undefined) return;
    this.#ends.add(end);
    void end.finally(() => this.#ends.delete(end));
  }

  /** Hands out what is there, in order of request; then asks for more. */
  #serve(): void {
    for (;;) {
      const at = this.#queue.findIndex((client) => !this.#isHeld(client.tag));
      const client = this.#queue[at];
      const thread = client === undefined ? undefined : this.#take();
      if (client === undefined || thread === undefined) break;
      this.#queue.splice(at, 1);
      this.#holders.set(thread, client);
      client.onThread(thread);
    }
    this.reclaim();
  }

  #cheapest(): ThreadClient | undefined {
    let cheapest: ThreadClient | undefined;
    for (const holder of this.#holders.values()) {
      if (this.#yielding.has(holder)) continue;
      if ((holder.costOfYielding ?? Infinity) < (cheapest?.costOfYielding ?? Infinity)) cheapest = holder;
    }
    return cheapest;
  }

  get #stuck(): number {
    let count = 0;
    for (const holder of this.#holders.values()) if (holder.isStuck) count += 1;
    return count;
  }

  #isHeld(tag: DumpTag): boolean {
    for (const holder of this.#holders.values()) if (holder.tag === tag) return true;
    return false;
  }

  #take(): PumpThread | undefined {
    if (this.#holders.size >= this.#most + Math.min(this.#mostExtra, this.#stuck)) return undefined;
    return this.#spare.pop() ?? this.#startThread();
  }

  #makeReady(): void {
    if (!this.#keepsOneReady || this.#spare.length > 0 || this.#holders.size >= this.#most) return;
    for (const holder of this.#holders.values()) if (holder.costOfYielding === undefined) return;
    this.#spare.push(this.#startThread());
  }

  #startThread(): PumpThread {
    const thread = this.#start(() => this.#forget(thread));
    return thread;
  }

  #forget(gone: PumpThread): void {
    const holder = this.#holders.get(gone);
    if (holder !== undefined) this.#yielding.delete(holder);
    this.#holders.delete(gone);
    const at = this.#spare.indexOf(gone);
    if (at >= 0) {
      this.#spare.splice(at, 1);
      // The next one would fare no better. Whoever needs a thread is told why there is none.
      this.#keepsOneReady = false;
    }
    this.#serve();
  }
}
