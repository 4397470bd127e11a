import type { ErrnoName } from '../base/errno.js';

/** Why a source could not deliver. Travels between threads as plain data. */
export type SourceErrorKind =
  /** The platform reported a hardware error or a status outside the specification. */
  | 'firmware'
  /** Status -9002: the platform delivers this dump elsewhere; what was fetched has to be discarded. */
  | 'not-authorized'
  /** Another program has the dump open. */
  | 'held'
  /** A finished pass is demanded first. */
  | 'unfinished'
  /** The dump is not there any more. */
  | 'gone'
  /** Another dump has the tag. */
  | 'replaced'
  /** The interface itself failed (open of the device, missing permission). */
  | 'interface';

const CODE_OF: Record<SourceErrorKind, ErrnoName> = {
  firmware: 'EIO',
  'not-authorized': 'EPERM',
  held: 'EBUSY',
  unfinished: 'EBUSY',
  gone: 'ESTALE',
  replaced: 'EBUSY',
  interface: 'EIO',
};

export interface SourceErrorData {
  readonly kind: SourceErrorKind;
  readonly message: string;
  /** RTAS or library status, or negative errno, for the log line. */
  readonly status?: number | undefined;
  /** Sequence of the failed call, for the log line. */
  readonly sequence?: string | undefined;
}

export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly data: SourceErrorData;

  constructor(data: SourceErrorData) {
    super(data.message);
    this.data = data;
  }

  /** What a reader's system call ends with. */
  static codeOf(kind: SourceErrorKind): ErrnoName {
    return CODE_OF[kind];
  }

  static from(thrown: unknown): SourceError {
    if (thrown instanceof SourceError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new SourceError({ kind: 'interface', message });
  }
}

/** A firmware interface that cannot be used on this machine; the message says why, in one line. */
export class SourceUnavailable extends Error {
  override readonly name = 'SourceUnavailable';
}
