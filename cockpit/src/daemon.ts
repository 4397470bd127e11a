import type { Failure, HttpClient, Pending } from './cockpit.js';
import { cockpit } from './cockpit.js';
import { jsonLines } from './lines.js';
import type { Answer, DaemonStatus, Dump, WatchLine } from './protocol.js';
import { isTag } from './protocol.js';

/**
 * `connecting`: nothing heard yet. `silent`: nothing heard for so long that something is wrong. `gone`: nobody is behind
 * the socket.
 */
export type Phase = 'connecting' | 'serving' | 'locked' | 'silent' | 'gone';

/** How long a daemon may take to answer before it is said not to, in milliseconds. */
const SILENT_AFTER_MS = 5000;
/** How far readers have come is told nowhere: it is asked for, in milliseconds. */
const ASK_AGAIN_MS = 2000;
/** With more dumps than this the answer is long, and is asked for less often. */
const MANY_DUMPS = 500;
const ASK_AGAIN_WITH_MANY_MS = 30_000;
/** Points of the plot. */
const RATES = 60;

/** One running daemon, as far as it tells about itself. */
export class Daemon {
  readonly socket: string;
  phase: Phase = 'connecting';
  status: DaemonStatus | undefined;
  /** By tag. Empty as soon as lockdown is heard of. */
  dumps: ReadonlyMap<string, Dump> = new Map();
  /** Gauges and counters by name, of `GET /metrics`; empty where the daemon has none. */
  metrics: ReadonlyMap<string, number> = new Map();
  /** Firmware calls a second, newest last. */
  callRates: readonly number[] = [];

  readonly #http: HttpClient;
  readonly #changed: () => void;
  #isClosed = false;
  /** Changes that the watch has told. */
  #changes = 0;
  #watch: Pending<string> | undefined;
  #timer: number | undefined;
  #calls: { readonly count: number; readonly atMs: number } | undefined;

  constructor(socket: string, changed: () => void) {
    this.socket = socket;
    this.#changed = changed;
    this.#http = cockpit.http({ unix: socket, superuser: 'require' });
    void this.#begin();
  }

  get mountpoint(): string {
    return this.status?.mountpoint ?? '';
  }

  close(): void {
    this.#isClosed = true;
    window.clearTimeout(this.#timer);
    this.#watch?.close();
    this.#http.close('cancelled');
    this.#forget();
  }

  async #begin(): Promise<void> {
    const silent = window.setTimeout(() => this.#to('silent'), SILENT_AFTER_MS);
    try {
      const answer = await this.#ask('/v1/status');
      if (answer.kind === 'status') this.status = answer;
      this.#follow();
      await this.#load();
    } catch {
      this.#to('gone');
    } finally {
      window.clearTimeout(silent);
    }
  }

  /** Lines come until the daemon ends or locks. */
  #follow(): void {
    const take = jsonLines<WatchLine>((line) => this.#take(line));
    this.#watch = this.#http.request({ method: 'GET', path: '/v1/watch', body: '' }).stream(take);
    this.#watch.then(
      () => this.#ended(),
      ({ status }: Failure) => {
        if (status === 423) this.#lock();
        // So many others watch already that asking now and then has to do.
        else if (status !== 503) this.#ended();
      },
    );
  }

  #take(line: WatchLine): void {
    if (line.kind === 'locked') this.#lock();
    if (line.kind !== 'change' || this.#isOver || !isTag(line.dump.tag)) return;
    this.#changes += 1;
    const dumps = new Map(this.dumps);
    if (line.event === 'vanished') dumps.delete(line.dump.tag);
    else dumps.set(line.dump.tag, line.dump);
    this.dumps = dumps;
    this.#changed();
  }

  async #load(): Promise<void> {
    const silent = window.setTimeout(() => this.#to('silent'), SILENT_AFTER_MS);
    try {
      const before = this.#changes;
      const answer = await this.#ask('/v1/dumps');
      if (answer.kind === 'locked') this.#lock();
      if (answer.kind !== 'dumps' || this.#isOver) return;
      // What the watch has told meanwhile is newer.
      if (before === this.#changes || this.phase === 'connecting')
        this.dumps = new Map(answer.dumps.filter(({ tag }) => isTag(tag)).map((dump) => [dump.tag, dump]));
      await this.#measure();
      if (this.#isOver) return;
      this.#to('serving');
    } finally {
      window.clearTimeout(silent);
    }
    const pause = this.dumps.size > MANY_DUMPS ? ASK_AGAIN_WITH_MANY_MS : ASK_AGAIN_MS;
    this.#timer = window.setTimeout(() => void this.#load().catch(() => this.#ended()), pause);
  }

  /** A daemon without metrics has no plot. */
  async #measure(): Promise<void> {
    let text: string;
    try {
      text = await this.#http.request({ method: 'GET', path: '/metrics', body: '' });
    } catch {
      return;
    }
    if (this.#isOver) return;
    this.metrics = sumsByName(text);
    const count = this.metrics.get('platdumpfs_firmware_calls_total');
    if (count === undefined) return;
    const atMs = performance.now();
    if (this.#calls !== undefined) {
      const rate = ((count - this.#calls.count) * 1000) / (atMs - this.#calls.atMs);
      this.callRates = [...this.callRates, Math.max(0, rate)].slice(-RATES);
    }
    this.#calls = { count, atMs };
  }

  async #ask(path: string): Promise<Answer> {
    try {
      return JSON.parse(await this.#http.request({ method: 'GET', path, body: '' })) as Answer;
    } catch (failure) {
      if ((failure as Failure).status === 423) return { kind: 'locked' };
      throw failure;
    }
  }

  #lock(): void {
    if (this.#isOver) return;
    this.#forget();
    this.#to('locked');
    this.#lookAgain();
  }

  /** A locked daemon tells nothing more of dumps; whether it is still the same one, its status tells. */
  #lookAgain(): void {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      this.#ask('/v1/status').then(
        (answer) => {
          if (this.#isClosed) return;
          if (answer.kind === 'status' && answer.pid !== this.status?.pid) this.#to('gone');
          else this.#lookAgain();
        },
        () => this.#to('gone'),
      );
    }, ASK_AGAIN_MS);
  }

  #ended(): void {
    if (this.phase === 'locked') return;
    this.#forget();
    this.#to('gone');
  }

  /** Nothing is taken any more. */
  get #isOver(): boolean {
    return this.#isClosed || this.phase === 'locked' || this.phase === 'gone';
  }

  /** Nothing of a dump stays where JavaScript can reach it. */
  #forget(): void {
    this.dumps = new Map();
    this.metrics = new Map();
    this.callRates = [];
    this.#calls = undefined;
  }

  #to(phase: Phase): void {
    if (this.#isClosed) return;
    if (this.phase === 'gone') return;
    if (this.phase === 'locked' && phase !== 'gone') return;
    this.phase = phase;
    this.#changed();
  }
}

/** Samples of the text format, those that differ only in labels added up. @see prometheus.io, exposition formats */
function sumsByName(text: string): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [, name = '', value] of text.matchAll(/^([a-z_:]\w*)(?:\{[^\n]*\})? (\S+)/gim))
    sums.set(name, (sums.get(name) ?? 0) + Number(value));
  return sums;
}
