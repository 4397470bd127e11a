/** The mount refused, or broke off: what its errno means is another thing than what the same one means of a disk. */
export class DumpError extends Error {
  readonly code: string;

  constructor(cause: unknown) {
    const { message, code = '' } = cause as NodeJS.ErrnoException;
    super(message, { cause });
    this.code = code;
  }
}

/** Awaits a call on a file of the mount. @throws DumpError */
export async function ofDump<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw new DumpError(error);
  }
}
