/** After this time another fresh pass over a dump that failed before is worth its calls. */
const FRESH_PASS_EVERY_MS = 60_000;

/**
 * What to do about bytes that firmware failed to deliver, when somebody asks for them again.
 *
 * First the same call again on the same handle: a failed call does not move the sequence. If that fails too, one pass
 * from the beginning; then again only the single call, because a dump that fails for ever at 2 GB must not cost a
 * pass of 2 GB for every page that the kernel retries.
 */
export class Retry {
  readonly #now: () => number;
  #position: number | undefined;
  #failures = 0;
  #freshPassAtMs = -Infinity;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The last call failed and nothing has been delivered since. */
  get isPending(): boolean {
    return this.#position !== undefined;
  }

  failed(position: number): void {
    this.#failures = this.#position === position ? this.#failures + 1 : 1;
    this.#position = position;
  }

  /** Bytes behind a failed position were delivered after all. */
  passed(position: number): void {
    if (this.#position === undefined || position <= this.#position) return;
    this.#position = undefined;
    this.#failures = 0;
  }

  /** The pass that stands at `position` should be given up for a new one. */
  wantsFreshPass(position: number): boolean {
    if (this.#position !== position || this.#failures < 2) return false;
    return this.#now() - this.#freshPassAtMs >= FRESH_PASS_EVERY_MS;
  }

  /** A pass begins at the beginning. */
  beginAfresh(): void {
    if (this.isPending) this.#freshPassAtMs = this.#now();
  }
}
