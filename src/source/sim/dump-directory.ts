import { readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { Listeners } from '../../base/listeners.js';
import type { Logger } from '../../base/log.js';
import type { DumpTag } from '../../base/tag.js';
import { parseTag, tagName } from '../../base/tag.js';
import type { DirectoryDump, Finding } from './directory-entry.js';
import { lookAt } from './directory-entry.js';

export interface DumpDirectoryOptions {
  readonly log: Logger;
  /** Tags that are taken: files named so are ignored. */
  readonly reserved?: ReadonlySet<DumpTag>;
}

/** Everything is looked at this often, as sysfs is: notifications can be missed. */
const LOOK_EVERY_MS = 250;
/** A change that is younger is not finished: it counts at the next look. */
const SETTLE_MS = 150;
/** Not more than 2 % of the time is spent on looking, */
const LOOK_REST = 50;
/** and the event loop is not held longer than so many files take. */
const SLICE = 200;

/**
 * The dumps of `--sim-dir`: regular files named by tag, each with an optional side file. Follows the directory:
 * what appears, appears; what vanishes, vanishes; what changes is another dump.
 */
export class DumpDirectory implements Disposable {
  readonly #path: string;
  readonly #log: Logger;
  readonly #reserved: ReadonlySet<DumpTag>;
  readonly #dumps = new Map<DumpTag, DirectoryDump>();
  readonly #changes = new Listeners<ReadonlySet<DumpTag>>();
  readonly #complaints = new Map<string, string>();
  #changed = new Set<DumpTag>();
  #nextLook: NodeJS.Timeout | undefined;
  #closed = false;

  /** @throws Error when the directory cannot be read, SideFileError when a side file there is wrong */
  constructor(path: string, options: DumpDirectoryOptions) {
    this.#path = path;
    this.#log = options.log;
    this.#reserved = options.reserved ?? new Set();
    for (const name of namesIn(path)) this.#look(name, 0, 'throw');
    this.#changed.clear();
    this.#lookIn(LOOK_EVERY_MS);
  }

  get(tag: DumpTag): DirectoryDump | undefined {
    return this.#dumps.get(tag);
  }

  values(): Iterable<DirectoryDump> {
    return this.#dumps.values();
  }

  /** Looks at once whether a file stands for this tag, for one that is asked for by name. */
  find(tag: DumpTag): DirectoryDump | undefined {
    const name = this.#dumps.get(tag)?.name;
    for (const candidate of name === undefined ? [tagName(tag), tagName(tag).slice(2)] : [name])
      this.#look(candidate, 0, 'log');
    if (this.#changed.size > 0) setImmediate(() => this.#tell());
    return this.#dumps.get(tag);
  }

  /** Forgets what is known of a dump that firmware found gone: what stands there now is another one. */
  forget(tag: DumpTag): void {
    this.#dumps.delete(tag);
  }

  /** Calls back with the tags whose dump came, went or changed. @returns function that ends the subscription */
  onChange(listener: (tags: ReadonlySet<DumpTag>) => void): () => void {
    return this.#changes.subscribe(listener);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#nextLook);
  }

  #lookIn(delayMs: number): void {
    if (!this.#closed) this.#nextLook = setTimeout(() => void this.#lookAtAll(), delayMs).unref();
  }

  async #lookAtAll(): Promise<void> {
    const names = await this.#names();
    let busyMs = 0;
    for (let from = 0; from < names.length && !this.#closed; from += SLICE) {
      const begun = performance.now();
      for (const name of names.slice(from, from + SLICE)) this.#look(name, SETTLE_MS, 'log');
      busyMs += performance.now() - begun;
      await turn(undefined, { ref: false });
    }
    this.#tell();
    this.#lookIn(Math.max(LOOK_EVERY_MS, busyMs * LOOK_REST));
  }

  /** All names to look at: those in the directory and those that were there. */
  async #names(): Promise<readonly string[]> {
    const known = [...this.#dumps.values()].map(({ name }) => name);
    try {
      const present = await readdir(this.#path);
      this.#complaints.delete('');
      return [...new Set([...known, ...present])];
    } catch (error) {
      this.#complain('', String(error), 'the directory of simulated dumps cannot be read', { error });
      return known;
    }
  }

  #tell(): void {
    if (this.#closed || this.#changed.size === 0) return;
    const changed = this.#changed;
    this.#changed = new Set();
    this.#changes.emit(changed);
  }

  #look(name: string, settleMs: number, mistakes: 'throw' | 'log'): void {
    const tag = parseTag(name);
    if (tag === undefined) return;
    const holder = this.#dumps.get(tag);
    const known = holder?.name === name ? holder : undefined;
    const found = this.#found(name, tag, { known, settleMs }, mistakes);
    if (found.kind !== 'dump') {
      if (known !== undefined && this.#dumps.delete(tag)) this.#changed.add(tag);
    } else if (found.dump !== known && this.#mayStandFor(tag, found.dump, holder)) {
      this.#dumps.set(tag, found.dump);
      this.#changed.add(tag);
    }
  }

  #found(
    name: string,
    tag: DumpTag,
    options: { known: DirectoryDump | undefined; settleMs: number },
    mistakes: 'throw' | 'log',
  ): Finding {
    try {
      const found = lookAt(this.#path, name, tag, options);
      if (found.kind === 'nothing') this.#complaints.delete(name);
      return found;
    } catch (error) {
      if (mistakes === 'throw') throw error;
      const reason = error instanceof Error ? error.message : String(error);
      this.#complain(name, reason, 'a simulated dump is not listed', { tag: tagName(tag), reason });
      return { kind: 'nothing' };
    }
  }

  #mayStandFor(tag: DumpTag, dump: DirectoryDump, holder: DirectoryDump | undefined): boolean {
    const other = this.#reserved.has(tag) ? 'a generated dump' : holder?.name;
    if (other === undefined || other === dump.name) return true;
    this.#complain(dump.name, other, 'two simulated dumps have the same tag, this one is not listed', {
      file: dump.file.path,
      other,
    });
    return false;
  }

  /** Logs what is wrong with a name, once until it is something else. */
  #complain(name: string, what: string, message: string, fields: Record<string, unknown>): void {
    if (this.#complaints.get(name) === what) return;
    this.#complaints.set(name, what);
    this.#log.warn(message, fields);
  }
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (cause) {
    throw new Error(`cannot read the directory of simulated dumps: ${(cause as Error).message}`, { cause });
  }
}
