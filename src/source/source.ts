import type { Announcement } from '../base/announcement.js';
import type { DumpTag } from '../base/tag.js';

/**
 * Where in a dump a pass may begin: an opaque 64-bit firmware sequence, `BEGINNING` for a new transfer.
 * What a source returns as `resume` can be given back only to that source, for that tag.
 */
export type ResumePoint = bigint;
export const BEGINNING: ResumePoint = 0n;

/** One step of a pass. */
export interface CursorStep {
  /** Bytes placed in the buffer, from its start. 0 does not mean the end: firmware may "continue with 0 bytes". */
  readonly bytes: number;
  /** Firmware said that the whole dump has been handed over. Nothing follows `bytes`. */
  readonly done: boolean;
  /** Where a later pass may resume to get the byte after this step; absent where the source cannot resume. */
  readonly resume?: ResumePoint;
}

/**
 * Where a pass stands: all that another thread needs to carry it on. Plain data, without a byte of the dump. What it keeps
 * open belongs to the process, not to a thread.
 */
export interface PassState {
  /** Descriptor of the pass; absent: the source keeps none. */
  readonly handle?: number | undefined;
  /** What firmware is to be given with the next call. */
  readonly next: ResumePoint;
  readonly phase: 'reading' | 'perhaps-ended' | 'ended' | 'broken';
}

/**
 * One forward-only pass over one dump, in the hands of one thread. Calls block the thread, possibly for minutes, so cursors
 * live in worker threads only. After a failed `read` the position has not moved: the same bytes may be asked for again.
 */
export interface DumpCursor {
  readonly state: PassState;
  /**
   * Fetches the next chunk with at most one successful firmware call.
   *
   * @param into At least `MIN_READ_BYTES` long; the source may fill less of it.
   * @throws SourceError
   */
  read(into: Uint8Array): CursorStep;
  /**
   * Tells firmware that it may forget the dump. Irreversible.
   * @throws SourceError `EBUSY` where a finished pass is demanded first (PAPR: EINPROGRESS)
   */
  invalidate(): void;
  /** Ends the pass. */
  close(): void;
  /** Another thread carries the pass on: gives up what is this thread's alone. Absent: there is nothing. */
  leave?(): void;
}

/** Every buffer given to a cursor is at least this long, so that each source can place a whole chunk. */
export const MIN_READ_BYTES = 4096;

/** What a source does inside a thread that makes firmware calls. */
export interface DumpDriver {
  /** Of the calls; undefined: nobody traces them. */
  readonly trace?: { settle(): void } | undefined;
  /**
   * @param detail what `DumpSource.detail(tag)` returned on the main thread
   * @param offset byte position of `from` in the dump, for traces
   * @throws SourceError `EBUSY`: another program holds the dump
   */
  open(tag: DumpTag, from: ResumePoint, detail: unknown, offset?: number): DumpCursor;
  /** Goes on where a cursor stood, this thread's or another one's. Makes no call. */
  carryOn(tag: DumpTag, state: PassState, detail: unknown, offset: number): DumpCursor;
}

/** The module that a worker thread loads to get its driver: it exports `createDriver(data)`. */
export interface DriverSpec {
  readonly module: string;
  /** Structured-cloneable; may hold SharedArrayBuffers. */
  readonly data: unknown;
}
export type CreateDriver = (data: unknown) => DumpDriver;

/** A dump that a source lists, without a firmware call. */
export type ListedAnnouncement = Announcement & { readonly incarnation: string };

/** Abilities are data: nobody probes by failing. */
export interface DumpSource extends AsyncDisposable {
  readonly name: string;
  /** True: says by itself which dumps there are. False: tags come from announcements and from whoever knows them. */
  readonly lists: boolean;
  /** False: a pass always starts at `BEGINNING`, so going back means starting over. */
  readonly resumable: boolean;
  /** True: `invalidate` works only on a cursor that was read to its end. */
  readonly invalidateNeedsFinishedPass: boolean;
  /** True: a cursor is at the incarnation that `detail` was asked for, or at none. False: only bytes tell two dumps apart. */
  readonly knowsIncarnations: boolean;
  readonly driver: DriverSpec;
  /**
   * Handed to `DumpDriver.open` with the tag.
   * @param incarnation the one that is meant; absent: the one that is there
   */
  detail(tag: DumpTag, incarnation?: string): unknown;
  /** Dumps known now. Never touches firmware. */
  list(): readonly ListedAnnouncement[];
  /** Calls back after the list may have changed. @returns function that ends the subscription */
  onChange(listener: () => void): () => void;
}
