import type { DumpTag } from '../base/tag.js';

/** Somebody other than the source says that firmware holds a dump. */
export interface Announcement {
  readonly tag: DumpTag;
  /** Bytes; absent: not announced. */
  readonly size?: number;
  /** Milliseconds since the epoch; absent: not known. */
  readonly atMs?: number;
  /**
   * True: this is old knowledge (a state file, the past of a log), and the dump may be gone since. Its size is shown
   * only when firmware has handed over a first byte.
   */
  readonly isRemembered?: boolean;
}
