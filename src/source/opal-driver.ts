import { closeSync, openSync, readSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DumpTag } from '../base/tag.js';
import { tagName } from '../base/tag.js';
import type { FirmwareCall } from '../rtas/index.js';
import { FirmwareTrace } from '../rtas/index.js';
import { atThreadEnd } from './at-thread-end.js';
import { SourceError } from './source-error.js';
import type { SourceErrorKind } from './source-error.js';
import type { CreateDriver, CursorStep, DumpCursor, PassState } from './source.js';
import { statusOf } from './traced-ports.js';

/** What a hand is told about OPAL's directory. */
export interface OpalDriverData {
  readonly tracePath: string | undefined;
}

type Record = (call: FirmwareCall) => void;

/** Entry of source `opal` in a hand. A resume point is a byte offset. */
export const createDriver: CreateDriver = (data) => {
  const { tracePath } = data as OpalDriverData;
  const trace = tracePath === undefined ? undefined : new FirmwareTrace(tracePath);
  if (trace !== undefined) atThreadEnd(trace);
  const record: Record = (call) => trace?.record(call);
  return {
    open(tag, from, detail) {
      const path = detail as string | undefined;
      const open = (): number | undefined =>
        path === undefined ? undefined : openSync(join(path, 'dump'), 'r');
      return new OpalCursor(
        tag,
        { handle: attempt(tag, 'open', open), next: from, phase: 'reading' },
        path,
        record,
      );
    },
    carryOn: (tag, state, detail) => new OpalCursor(tag, state, detail as string | undefined, record),
  };
};

/**
 * One pass over a `dump` file. The kernel fetches the whole dump from firmware at the first read, and may fail then.
 */
class OpalCursor implements DumpCursor {
  readonly #tag: DumpTag;
  readonly #path: string;
  readonly #record: Record;
  #fd: number | undefined;
  #offset: number;

  /** @param path of the dump's directory; undefined: there is none any more */
  constructor(tag: DumpTag, { handle, next }: PassState, path: string | undefined, record: Record) {
    this.#tag = tag;
    this.#offset = Number(next);
    this.#path = path ?? '';
    this.#record = record;
    this.#fd = handle;
  }

  get state(): PassState {
    return { handle: this.#fd, next: BigInt(this.#offset), phase: 'reading' };
  }

  read(into: Uint8Array): CursorStep {
    const fd = this.#fd;
    // A dump that is not there is an empty one, as with every source.
    if (fd === undefined) return { bytes: 0, done: true };
    const call = { tag: this.#tag, op: 'read', offset: this.#offset, length: into.length } as const;
    const bytes = this.#traced(call, () =>
      attempt(this.#tag, 'read', () => readSync(fd, into, 0, into.length, this.#offset)),
    );
    const size = this.#size();
    if (bytes === 0 && this.#offset < size)
      throw failure(this.#tag, 'firmware', `the kernel delivers nothing at byte ${this.#offset} of ${size}`);
    this.#offset += bytes;
    return { bytes, done: this.#offset >= size, resume: BigInt(this.#offset) };
  }

  invalidate(): void {
    const path = join(this.#path, 'acknowledge');
    const call = { tag: this.#tag, op: 'invalidate', offset: this.#offset, length: 0 } as const;
    // Any text will do. Without O_CREAT: what vanished must not come back as a file.
    this.#traced(call, () => {
      attempt(this.#tag, 'acknowledge', () => {
        writeFileSync(path, '1', { flag: 'r+' });
      });
      return 0;
    });
  }

  close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) closeSync(fd);
  }

  #size(): number {
    return attempt(this.#tag, 'read', () => statSync(join(this.#path, 'dump')).size);
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
