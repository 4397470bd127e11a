import { cockpit } from './cockpit.js';
import { Daemon } from './daemon.js';

/** Where root's daemons leave their sockets. @see docs/control.md */
const DIRECTORY = '/run/platdumpfs';
/** A directory that comes and goes with the service cannot be watched through its absence: it is looked at, in milliseconds. */
const LOOK_EVERY_MS = 1500;

/** All daemons of this machine's root. */
export class Daemons {
  readonly #changed: () => void;
  readonly #bySocket = new Map<string, Daemon>();
  /** Nobody was behind them at the last try: until somebody answers, nothing is shown of them. */
  readonly #refused = new Set<string>();
  #timer: number | undefined;
  #isClosed = false;
  /** False until the directory was looked at once. */
  isKnown = false;

  constructor(changed: () => void) {
    this.#changed = changed;
    this.#look();
  }

  /** Those that are there, by mount point. */
  get list(): readonly Daemon[] {
    const there = [...this.#bySocket.values()].filter(
      ({ phase, socket }) => phase !== 'gone' && !(phase === 'connecting' && this.#refused.has(socket)),
    );
    return there.sort((a, b) => (a.mountpoint < b.mountpoint ? -1 : 1));
  }

  close(): void {
    this.#isClosed = true;
    window.clearTimeout(this.#timer);
    for (const daemon of this.#bySocket.values()) daemon.close();
  }

  #look(): void {
    const found = new Set<string>();
    const channel = cockpit.channel({
      payload: 'fslist1',
      path: DIRECTORY,
      watch: false,
      superuser: 'require',
    });
    channel.addEventListener('message', (_event, message) => {
      const { path = '' } = JSON.parse(message) as { readonly path?: string };
      const name = path.slice(path.lastIndexOf('/') + 1);
      if (/^[0-9a-f]+\.sock$/.test(name)) found.add(`${DIRECTORY}/${name}`);
    });
    channel.addEventListener('close', () => {
      if (this.#isClosed) return;
      this.#take(found);
      this.#timer = window.setTimeout(() => this.#look(), LOOK_EVERY_MS);
    });
  }

  #take(found: ReadonlySet<string>): void {
    const before = this.#bySocket.size;
    for (const [socket, daemon] of this.#bySocket)
      // A killed daemon leaves its socket, and its successor has the same name for it: it is tried again.
      if (!found.has(socket) || daemon.phase === 'gone') {
        if (daemon.phase === 'gone') this.#refused.add(socket);
        daemon.close();
        this.#bySocket.delete(socket);
      }
    for (const socket of found)
      if (!this.#bySocket.has(socket)) this.#bySocket.set(socket, new Daemon(socket, this.#changed));
    if (this.isKnown && before === 0 && found.size === 0) return;
    this.isKnown = true;
    this.#changed();
  }
}
