const NEWLINE = 0x0a;
const DECODER = new TextDecoder('latin1');

/**
 * Cuts a stream of bytes into lines, whatever the chunks. Needs as much memory as the longest line allowed: of longer
 * ones nothing is handed on. NUL bytes are left out: where a log was truncated under its writer they fill the hole.
 */
export class LineSplitter {
  readonly #line: Uint8Array;
  #length = 0;
  #tooLong = false;

  constructor(longestBytes: number) {
    this.#line = new Uint8Array(longestBytes);
  }

  /** The lines that end in `chunk`, without line feed. A line without one is kept until it ends. */
  *push(chunk: Uint8Array): Generator<string> {
    let from = 0;
    while (from < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, from);
      this.#append(chunk.subarray(from, newline < 0 ? chunk.length : newline));
      if (newline < 0) return;
      from = newline + 1;
      const line = this.#tooLong ? undefined : DECODER.decode(this.#line.subarray(0, this.#length));
      this.clear();
      if (line !== undefined) yield line;
    }
  }

  /** Forgets a line that has not ended. */
  clear(): void {
    this.#length = 0;
    this.#tooLong = false;
  }

  #append(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length && !this.#tooLong) {
      const nul = bytes.indexOf(0, from);
      this.#add(bytes.subarray(from, nul < 0 ? bytes.length : nul));
      if (nul < 0) return;
      from = nul + 1;
      while (bytes[from] === 0) from += 1;
    }
  }

  #add(bytes: Uint8Array): void {
    if (bytes.length > this.#line.length - this.#length) {
      this.#tooLong = true;
      return;
    }
    this.#line.set(bytes, this.#length);
    this.#length += bytes.length;
  }
}
