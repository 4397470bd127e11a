import { constants } from 'node:os';

/** Symbolic errno names of the running platform, as in errno(3). */
export type ErrnoName = keyof typeof constants.errno;

/** How loudly a failure is logged. `debug`: an expected answer, such as a lookup that finds nothing. */
export type Severity = 'debug' | 'info' | 'warn' | 'error';

export interface FsErrorOptions {
  readonly severity?: Severity;
  /** For the log line: tag, offset, sequence, firmware status. */
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** A failure that already knows what the kernel must be told and how loudly to log it. */
export class FsError extends Error {
  override readonly name = 'FsError';
  readonly code: ErrnoName;
  readonly severity: Severity;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(code: ErrnoName, message: string, options: FsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.severity = options.severity ?? 'warn';
    this.fields = options.fields ?? {};
  }

  /** Value for a FUSE reply header: negative, from the running platform's table. */
  get wireErrno(): number {
    return -constants.errno[this.code];
  }

  /** Turns anything thrown into an answer: what nobody foresaw is EIO, and loud. */
  static from(thrown: unknown): FsError {
    if (thrown instanceof FsError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new FsError('EIO', `unexpected failure: ${message}`, { severity: 'error', cause: thrown });
  }
}

/** Name of an errno number of the running platform, `EIO` for a number it does not know. */
export function errnoName(errno: number): ErrnoName {
  return NAME_OF.get(Math.abs(errno)) ?? 'EIO';
}

// Where Linux gives one number two names (EAGAIN, EWOULDBLOCK; ENOTSUP, EOPNOTSUPP), the first one listed stays.
const NAME_OF = new Map<number, ErrnoName>();
for (const [name, value] of Object.entries(constants.errno)) {
  if (!NAME_OF.has(value)) NAME_OF.set(value, name as ErrnoName);
}

/** The answer to a wait that a signal or FUSE_INTERRUPT ended. */
export function interrupted(): FsError {
  return new FsError('EINTR', 'interrupted while waiting', { severity: 'debug' });
}
