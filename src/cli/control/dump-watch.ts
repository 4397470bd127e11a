import type { DumpStore } from '../../dump/index.js';
import type { ExplainedGate } from '../../lockdown/index.js';
import type { WatchLine } from './control-protocol.js';
import type { WatchDumps } from './control-server.js';
import { listedByDaemon } from './listed-by-daemon.js';
import type { ListedDump } from '../query/listed-dump.js';
import { listingChanges } from '../query/listing-changes.js';

/** Events that come together are told together. */
const GATHER_MS = 50;
/** What no event tells (how far a transfer has come) is looked for so often, while somebody watches. */
const LOOK_MS = 1000;

/** What a daemon tells those who watch: what changed since it was told last. Ends with lockdown. */
export function watchDumps(mountpoint: string, store: DumpStore, gate: ExplainedGate): WatchDumps {
  return (send) => {
    const watch = new DumpWatch(mountpoint, store, gate, send);
    return () => watch.stop();
  };
}

class DumpWatch {
  readonly #mountpoint: string;
  readonly #store: DumpStore;
  readonly #gate: ExplainedGate;
  readonly #send: (line: WatchLine) => void;
  readonly #unsubscribe: () => void;
  readonly #ticker: NodeJS.Timeout;
  #soon: NodeJS.Timeout | undefined;
  #told: readonly ListedDump[];
  #isOver = false;

  constructor(mountpoint: string, store: DumpStore, gate: ExplainedGate, send: (line: WatchLine) => void) {
    this.#mountpoint = mountpoint;
    this.#store = store;
    this.#gate = gate;
    this.#send = send;
    this.#told = this.#listing();
    // At the rise every dump goes, which is an event as well.
    this.#unsubscribe = store.events.subscribe(() => this.#lookSoon());
    this.#ticker = setInterval(() => this.#look(), LOOK_MS).unref();
    if (gate.locked()) this.#look();
    else send({ kind: 'watching', mountpoint });
  }

  stop(): void {
    this.#isOver = true;
    this.#unsubscribe();
    clearInterval(this.#ticker);
    clearTimeout(this.#soon);
  }

  #lookSoon(): void {
    this.#soon ??= setTimeout(() => this.#look(), GATHER_MS).unref();
  }

  #look(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    const now = this.#listing();
    // Looking at the level may be what finds the rise, and has told of it.
    if (this.#isOver) return;
    // Behind the listing, which is empty once the level has risen: that is no news of any dump.
    if (this.#gate.locked()) {
      this.stop();
      this.#send({ kind: 'locked', mountpoint: this.#mountpoint });
      return;
    }
    const time = new Date().toISOString();
    for (const { event, dump } of listingChanges(this.#told, now))
      this.#send({ kind: 'change', time, event, dump });
    this.#told = now;
  }

  #listing(): readonly ListedDump[] {
    return listedByDaemon(this.#store, this.#gate);
  }
}
