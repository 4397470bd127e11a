import { printOut } from '../print.js';
import type { SavedDump } from './save-dump.js';

/** What `save --json` prints, one per line. Fields are only ever added. */
export type SaveLine =
  | ({ readonly event: 'saved'; readonly tag: string } & Omit<SavedDump, 'ino'> & { readonly path: string })
  | { readonly event: 'removed'; readonly tag: string }
  /** Only with --progress. `total`: bytes, as far as known. */
  | { readonly event: 'progress'; readonly tag: string; readonly done: number; readonly total: number };

const PROGRESS_EVERY_MS = 500;

/** What is told on standard output. Where it cannot be written, dumps are saved nevertheless, and that is said at the end. */
export class Report {
  readonly #json: boolean;
  readonly #tellsProgress: boolean;
  #progressAtMs = -Infinity;
  #failure: Error | undefined;

  constructor(json: boolean, tellsProgress: boolean) {
    this.#json = json;
    this.#tellsProgress = json && tellsProgress;
  }

  async tell(line: SaveLine): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      await printOut(`${this.#json || line.event === 'progress' ? JSON.stringify(line) : textLine(line)}\n`);
    } catch (error) {
      this.#failure = error as Error;
    }
  }

  /** @param done bytes of the dump so far @param total its bytes, as far as known */
  progress(tag: string, done: number, total: number): void {
    const now = performance.now();
    if (!this.#tellsProgress || now - this.#progressAtMs < PROGRESS_EVERY_MS) return;
    this.#progressAtMs = now;
    void this.tell({ event: 'progress', tag, done, total });
  }

  /** @throws CommandError where something could not be told */
  assertTold(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function textLine(line: Exclude<SaveLine, { readonly event: 'progress' }>): string {
  if (line.event === 'removed') return `${line.tag} removed from firmware`;
  return `${line.tag} ${line.isNew ? 'saved' : 'was saved before'} as ${line.path}, ${line.bytes} bytes`;
}
