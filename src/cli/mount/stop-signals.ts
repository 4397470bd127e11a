/** Signals that ask for an orderly end. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Signals that would end a process without handlers: a terminal that goes away takes no mount with it. */
const IGNORED = ['SIGHUP', 'SIGUSR2'] as const;

/** Wrappers such as npm pass on the Ctrl-C that the terminal delivers as well: that is one keypress, not two. */
const SAME_KEYPRESS_MS = 200;

/** Listens from the start, so that no signal kills a half-made mount. */
export class StopSignals implements Disposable {
  /** Resolves at the first signal, with its name. */
  readonly first: Promise<NodeJS.Signals>;
  /** Resolves at the second: somebody is impatient. */
  readonly second: Promise<NodeJS.Signals>;
  readonly #first = new AbortController();
  readonly #receive: (signal: NodeJS.Signals) => void;

  constructor(now: () => number = () => performance.now()) {
    let firstAtMs: number | undefined;
    let first: (signal: NodeJS.Signals) => void = () => undefined;
    let second: (signal: NodeJS.Signals) => void = () => undefined;
    this.first = new Promise((resolve) => (first = resolve));
    this.second = new Promise((resolve) => (second = resolve));
    this.#receive = (signal) => {
      if (firstAtMs === undefined) {
        firstAtMs = now();
        this.#first.abort();
        first(signal);
      } else if (now() - firstAtMs > SAME_KEYPRESS_MS) {
        second(signal);
      }
    };
    for (const signal of SIGNALS) process.on(signal, this.#receive);
    for (const signal of IGNORED) process.on(signal, ignore);
  }

  /** Aborted once the first has come. */
  get signal(): AbortSignal {
    return this.#first.signal;
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#receive);
    for (const signal of IGNORED) process.off(signal, ignore);
  }
}

function ignore(): void {
  // The daemon goes on.
}
