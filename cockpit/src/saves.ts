import type { Failure, Pending } from './cockpit.js';
import { _, cockpit } from './cockpit.js';
import { jsonLines } from './lines.js';
import type { SaveLine } from './protocol.js';

export interface SavedCopy {
  readonly path: string;
  readonly sha256: string;
}

/** One `platdumpfs save` that was started from this page. */
export class Save {
  readonly mountpoint: string;
  readonly directory: string;
  tags: readonly string[];
  /** Tag that is being copied. */
  current: string | undefined;
  done = 0;
  total = 0;
  readonly saved = new Map<string, SavedCopy>();
  outcome: 'running' | 'done' | 'failed' | 'cancelled' = 'running';
  /** What the program said. */
  message = '';

  readonly #process: Pending<string>;
  readonly #changed: () => void;
  #beganAtMs = performance.now();
  #isForgotten = false;

  constructor(mountpoint: string, tags: readonly string[], directory: string, changed: () => void) {
    this.mountpoint = mountpoint;
    this.tags = tags;
    this.directory = directory;
    this.#changed = changed;
    const args = [
      'platdumpfs',
      'save',
      '--json',
      '--progress',
      '--mountpoint',
      mountpoint,
      '--',
      ...tags,
      directory,
    ];
    this.#process = cockpit.spawn(args, { superuser: 'require', err: 'message' });
    this.#process.stream(jsonLines<SaveLine>((line) => this.#take(line)));
    this.#process.then(
      () => this.#end('done'),
      (failure: Failure) => this.#failed(failure),
    );
  }

  /** Bytes a second of the dump that is being copied; 0: nothing has come yet. */
  get rate(): number {
    return (this.done * 1000) / Math.max(1, performance.now() - this.#beganAtMs);
  }

  /** Seconds that this dump will still take; undefined: nobody can tell. */
  get remainingS(): number | undefined {
    return this.rate > 0 && this.total > 0 ? (this.total - this.done) / this.rate : undefined;
  }

  cancel(): void {
    if (this.outcome !== 'running') return;
    this.outcome = 'cancelled';
    this.message = _('Cancelled. Nothing that is not listed here was saved.');
    this.#process.close('terminated');
    this.#changed();
  }

  /** Lockdown has risen: it ends, and nothing of its dumps stays. */
  forget(): void {
    this.cancel();
    this.#isForgotten = true;
    this.tags = [];
    this.saved.clear();
    this.current = undefined;
    this.message = '';
  }

  #take(line: SaveLine): void {
    if (this.#isForgotten) return;
    if (line.event === 'progress') {
      if (line.tag !== this.current) this.#beganAtMs = performance.now();
      this.current = line.tag;
      this.done = line.done;
      this.total = line.total;
    }
    if (line.event === 'saved') this.saved.set(line.tag, { path: line.path, sha256: line.sha256 });
    this.#changed();
  }

  #failed({ message, problem }: Failure): void {
    if (this.outcome === 'cancelled' || this.#isForgotten) return;
    if (problem === 'not-found') this.message = _('The program platdumpfs is not installed.');
    else this.message = (message ?? '').trim();
    this.#end('failed');
  }

  #end(outcome: 'done' | 'failed'): void {
    if (this.outcome === 'running') this.outcome = outcome;
    this.current = undefined;
    this.#changed();
  }
}
