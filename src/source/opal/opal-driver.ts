import { closeSync, constants, fstatSync, openSync, readSync, writeFileSync } from 'node:fs';
import type { DumpTag } from '../../base/tag.js';
import { tagName } from '../../base/tag.js';
import type { CallRecorder, FirmwareCall } from '../../rtas/index.js';
import { FirmwareTrace } from '../../rtas/index.js';
import type { OpalPlace } from './opal-directory.js';
import { SourceError } from '../source-error.js';
import type { SourceErrorKind } from '../source-error.js';
import type { CreateDriver, CursorStep, DumpCursor, PassState } from '../source.js';
import { statusOf } from '../traced-ports.js';

/** What a hand is told about OPAL's directory. */
export interface OpalDriverData {
  readonly traceChannel: string | undefined;
}

type Record = CallRecorder['record'];

/** Entry of source `opal` in a hand. A resume point is a byte offset. */
export const createDriver: CreateDriver = (data) => {
  const { traceChannel } = data as OpalDriverData;
  const trace = traceChannel === undefined ? undefined : new FirmwareTrace(traceChannel);
  const record: Record = (call) => trace?.record(call);
  return {
    trace,
    open(tag, from, detail) {
      const place = detail as OpalPlace | undefined;
      const handle = place === undefined ? undefined : attempt(tag, 'open', () => openDirectory(place));
      return new OpalCursor(tag, { handle, next: from, phase: 'reading' }, record);
    },
    carryOn: (tag, state) => new OpalCursor(tag, state, record),
  };
};

/**
 * The descriptor of exactly this directory: sysfs makes a new one for a dump that comes back, maybe under the same name.
 *
 * @returns undefined: another one is there
 */
function openDirectory({ path, dev, ino }: OpalPlace): number | undefined {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  const directory = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const stats = fstatSync(directory, { bigint: true });
  if (stats.dev === dev && stats.ino === ino) return directory;
  closeSync(directory);
  return undefined;
}

/** A file in a directory that is open. */
function inside(directory: number, name: string): string {
  return `/proc/self/fd/${directory}/${name}`;
}

/**
 * One pass over a `dump` file, through the descriptor of its directory. The kernel fetches the whole dump from firmware at the first read, and may fail then.
 */
class OpalCursor implements DumpCursor {
  readonly #tag: DumpTag;
  readonly #record: Record;
  /** Undefined: the dump is not there any more. */
  #directory: number | undefined;
  /** Of `dump`, while this thread has the pass. */
  #file: number | undefined;
  #offset: number;

  constructor(tag: DumpTag, { handle, next }: PassState, record: Record) {
    this.#tag = tag;
    this.#offset = Number(next);
    this.#record = record;
    this.#directory = handle;
  }

  get state(): PassState {
    return { handle: this.#directory, next: BigInt(this.#offset), phase: 'reading' };
  }

  read(into: Uint8Array): CursorStep {
    // A dump that is not there is an empty one, as with every source.
    if (this.#directory === undefined) return { bytes: 0, done: true };
    const fd = this.#openFile(this.#directory);
    const call = { tag: this.#tag, op: 'read', offset: this.#offset, length: into.length } as const;
    const bytes = this.#traced(call, () =>
      attempt(this.#tag, 'read', () => readSync(fd, into, 0, into.length, this.#offset)),
    );
    const { size } = attempt(this.#tag, 'read', () => fstatSync(fd));
    if (bytes === 0 && this.#offset < size)
      throw failure(this.#tag, 'firmware', `the kernel delivers nothing at byte ${this.#offset} of ${size}`);
    this.#offset += bytes;
    return { bytes, done: this.#offset >= size, resume: BigInt(this.#offset) };
  }

  invalidate(): void {
    const directory = this.#directory;
    if (directory === undefined) throw failure(this.#tag, 'gone', 'the dump is not there any more');
    const call = { tag: this.#tag, op: 'invalidate', offset: this.#offset, length: 0 } as const;
    // Any text will do. Without O_CREAT: what vanished must not come back as a file.
    this.#traced(call, () => {
      attempt(this.#tag, 'acknowledge', () => {
        writeFileSync(inside(directory, 'acknowledge'), '1', { flag: 'r+' });
      });
      return 0;
    });
  }

  close(): void {
    this.leave();
    const directory = this.#directory;
    this.#directory = undefined;
    if (directory !== undefined) closeSync(directory);
  }

  leave(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) closeSync(file);
  }

  #openFile(directory: number): number {
    this.#file ??= attempt(this.#tag, 'open', () => openSync(inside(directory, 'dump'), 'r'));
    return this.#file;
  }

  #traced(call: Omit<FirmwareCall, 'status' | 'bytes' | 'durationUs'>, run: () => number): number {
    const begun = performance.now();
    const record = (status: number, bytes: number): void =>
      this.#record({ ...call, status, bytes, durationUs: (performance.now() - begun) * 1000 });
    try {
      const bytes = run();
      record(0, bytes);
      return bytes;
    } catch (thrown) {
      record(thrown instanceof SourceError ? (thrown.data.status ?? -1) : -1, 0);
      throw thrown;
    }
  }
}

function attempt<T>(tag: DumpTag, action: string, run: () => T): T {
  try {
    return run();
  } catch (thrown) {
    const { code = '', message } = thrown as NodeJS.ErrnoException;
    throw failure(tag, KIND_OF.get(code) ?? 'interface', `cannot ${action}: ${message}`, statusOf(thrown));
  }
}

function failure(tag: DumpTag, kind: SourceErrorKind, reason: string, status?: number): SourceError {
  return new SourceError({ kind, message: `dump ${tagName(tag)}: ${reason}`, status });
}

const KIND_OF: ReadonlyMap<string, SourceErrorKind> = new Map([
  ['ENOENT', 'gone'],
  ['ENODEV', 'gone'],
  ['EIO', 'firmware'],
]);
