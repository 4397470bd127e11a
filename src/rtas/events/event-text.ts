import { declaredLength, MAX_EVENT_BYTES } from './event-length.js';

/** Lines of an event have 60 characters at most, blanks aside; nothing longer is looked at. */
const LONGEST_LINE_BYTES = 1024;
const LINE_BYTES = 16;

const BEGIN = /^RTAS: (\d+) -+ RTAS event begin -+\s*$/;
const END = /^RTAS: (\d+) -+ RTAS event end -+\s*$/;
const DATA = /^RTAS (\d{1,4}):((?:[\t ]*[0-9A-Fa-f])*)\s*$/;
/** Looks like data and is none, so an event has lost bytes. */
const SPOILT_DATA = /^RTAS \d/;

/** An event whose end has not been seen. */
interface Frame {
  readonly sequence: string;
  readonly bytes: Uint8Array;
  length: number;
  /** Number that the next line has to have. */
  nextLine: number;
  /** A line was shorter than the others: it has to be the last. */
  isShort: boolean;
}

/**
 * Finds the events in the text that rtas_errd writes to /var/log/platform, fed in chunks of any length.
 *
 * Only what is whole counts: lines numbered without a gap behind a begin line, up to the end line of the same number or
 * the next begin line, that make exactly as many bytes as the event declares. Other lines are passed over, also inside
 * an event. Memory: one line and one event.
 *
 * @see ppc64-diag, rtas_errd/files.c, for the form
 */
export class EventText {
  readonly #lines = new LineSplitter(LONGEST_LINE_BYTES);
  #frame: Frame | undefined;

  /** The events that `chunk` completes. Their bytes stay the caller's. */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    for (const line of this.#lines.push(chunk)) {
      const event = this.#take(line);
      if (event !== undefined) yield event;
    }
  }

  /** What follows does not continue what came before. */
  reset(): void {
    this.#lines.clear();
    this.#frame = undefined;
  }

  #take(line: string): Uint8Array | undefined {
    const begin = BEGIN.exec(line)?.[1];
    if (begin !== undefined) return this.#begin(begin);
    if (this.#frame === undefined) return undefined;
    const end = END.exec(line)?.[1];
    if (end !== undefined) return this.#end(end, this.#frame);
    const data = DATA.exec(line);
    const isSpoilt = data === null ? SPOILT_DATA.test(line) : !append(this.#frame, data);
    if (isSpoilt) this.#frame = undefined;
    return undefined;
  }

  #begin(sequence: string): Uint8Array | undefined {
    const unended = this.#frame;
    const bytes = new Uint8Array(MAX_EVENT_BYTES);
    this.#frame = { sequence, bytes, length: 0, nextLine: 0, isShort: false };
    return unended === undefined ? undefined : wholeEvent(unended);
  }

  #end(sequence: string, frame: Frame): Uint8Array | undefined {
    this.#frame = undefined;
    // Another number: the lines of two events have run together.
    return sequence === frame.sequence ? wholeEvent(frame) : undefined;
  }
}

/** Undefined for one that lost bytes; also for one without sections, which is padded and announces nothing. */
function wholeEvent(frame: Frame): Uint8Array | undefined {
  const event = frame.bytes.subarray(0, frame.length);
  return declaredLength(event) === event.length ? event : undefined;
}

/** @returns false: the line does not continue the frame */
function append(frame: Frame, [, number = '', text = '']: RegExpExecArray): boolean {
  const digits = text.replace(/[\t ]+/g, '');
  const bytes = Buffer.from(digits, 'hex');
  const isWhole = digits.length === 2 * bytes.length && bytes.length <= LINE_BYTES;
  const follows = Number(number) === frame.nextLine && !frame.isShort;
  if (!isWhole || !follows || bytes.length > frame.bytes.length - frame.length) return false;
  frame.bytes.set(bytes, frame.length);
  frame.length += bytes.length;
  frame.nextLine += 1;
  frame.isShort = bytes.length < LINE_BYTES;
  return true;
}

const NEWLINE = 0x0a;
const DECODER = new TextDecoder('latin1');

/**
 * Cuts a stream of bytes into lines, whatever the chunks. Needs as much memory as the longest line allowed: of longer
 * ones nothing is handed on. NUL bytes are left out: where a log was truncated under its writer they fill the hole.
 */
class LineSplitter {
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
