import type { DumpTag } from './tag.js';

/** Somebody says that firmware holds a dump: a source, an event, a state file, the operator. */
export interface Announcement {
  readonly tag: DumpTag;
  /** Bytes; absent: not announced. */
  readonly size?: number | undefined;
  /** `source`: the size is exact (OPAL's sysfs). Absent or `announced`: somebody said so, only delivery proves it. */
  readonly sizeOrigin?: 'source' | 'announced' | undefined;
  /** When the dump was announced, milliseconds since the epoch; absent: not known. */
  readonly announcedAtMs?: number | undefined;
  /** The source's own mark: it differs when the tag came back as another dump. Absent: somebody else says it. */
  readonly incarnation?: string | undefined;
  /**
   * True: this is old knowledge (a state file, the past of a log), and the dump may be gone since. Its size is shown
   * only when firmware has handed over a first byte.
   */
  readonly isRemembered?: boolean | undefined;
}
