import type { DumpTag } from '../../base/tag.js';
import { createDumpRecord } from './dump-record.js';
import type { ChunkRange, Fault, SideFile } from './side-file.js';
import { NO_SIDE_FILE } from './side-file.js';

/** A file whose bytes are a dump, and how to recognise that it still is that file. */
export interface FileIdentity {
  readonly path: string;
  readonly size: number;
  readonly ino: number;
  readonly mtimeMs: number;
}

/** Where a simulated dump's bytes come from. */
export type ContentSpec =
  { readonly kind: 'generated'; readonly size: number } | ({ readonly kind: 'file' } & FileIdentity);

/** All that a thread has to know to play firmware for one dump. Structured-cloneable. */
export interface DumpFacts {
  readonly tag: DumpTag;
  /** `null`: a tag that firmware never announced. */
  readonly content: ContentSpec | null;
  /** Differs when the tag came back as another dump. */
  readonly incarnation: number;
  readonly latencyUs?: number | undefined;
  readonly chunk?: ChunkRange | undefined;
  readonly faults: readonly Fault[];
  /** Where the transfer stands, shared by all threads; see `DumpRecord`. */
  readonly record: SharedArrayBuffer;
  /** The tag's handle of `/dev/papr-platform-dump`, shared by all threads; see `SimPaprDevice`. */
  readonly handle: SharedArrayBuffer;
}

export function createHandleMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(BigUint64Array.BYTES_PER_ELEMENT + 3 * Int32Array.BYTES_PER_ELEMENT);
}

/** @param handle belongs to the tag, so it outlives an incarnation */
export function createDumpFacts(
  tag: DumpTag,
  content: ContentSpec | null,
  options: { incarnation?: number; side?: SideFile; handle?: SharedArrayBuffer } = {},
): DumpFacts {
  const { incarnation = 1, side = NO_SIDE_FILE, handle = createHandleMemory() } = options;
  const { latencyUs, chunk, faults } = side;
  return {
    tag,
    content,
    incarnation,
    latencyUs,
    chunk,
    faults,
    record: createDumpRecord(faults.length),
    handle,
  };
}
