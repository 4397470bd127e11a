import { printOut } from '../print.js';
import type { SavedDump } from './save-dump.js';

/** What `save --json` prints, one per line. Fields are only ever added. */
export type SaveLine =
  | ({ readonly event: 'saved'; readonly tag: string } & Omit<SavedDump, 'ino'> & { readonly path: string })
  | { readonly event: 'removed'; readonly tag: string };

/** What is told on standard output. Where it cannot be written, dumps are saved nevertheless, and that is said at the end. */
export class Report {
  readonly #json: boolean;
  #failure: Error | undefined;

  constructor(json: boolean) {
    this.#json = json;
  }

  async tell(line: SaveLine): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      await printOut(`${this.#json ? JSON.stringify(line) : textLine(line)}\n`);
    } catch (error) {
      this.#failure = error as Error;
    }
  }

  /** @throws CommandError where something could not be told */
  assertTold(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function textLine(line: SaveLine): string {
  if (line.event === 'removed') return `${line.tag} removed from firmware`;
  return `${line.tag} ${line.isNew ? 'saved' : 'was saved before'} as ${line.path}, ${line.bytes} bytes`;
}
