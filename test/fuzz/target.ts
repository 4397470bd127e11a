/** Something that takes bytes from outside. */
export interface FuzzTarget {
  readonly name: string;
  /** Inputs stand as text in the corpus; otherwise in hex. */
  readonly isText: boolean;
  /** What its inputs are made of, for the mutations. */
  readonly words: readonly string[];
  /** Throws where a promise is broken, and never where an input is refused as documented. */
  run(input: Uint8Array): void | Promise<void>;
}

/** What `work` returns; undefined where it refuses by an error of that class, whose message is one line for a log. */
export function unlessRefused<T>(refusal: new (...args: never[]) => Error, work: () => T): T | undefined {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof refusal) return undefined;
    throw thrown;
  }
}

/** Bytes as characters of the same numbers. */
export function latin1(input: Uint8Array): string {
  return Buffer.from(input).toString('latin1');
}
