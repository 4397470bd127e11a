import type { DumpTag } from '../../base/tag.js';
import { MIN_SIZE_WITH_DIRECTORY, dumpDirectory } from './dump-header.js';
import { highWord, lowWord, mix32 } from './mix.js';

/** Power of two. Data repeats after this many bytes, but for the stamps. */
const PATTERN_BYTES = 64 * 1024;
const PATTERN_MASK = PATTERN_BYTES - 1;
/** Each sector begins with its own number, so that no two are alike and a misplaced one can be named. */
const SECTOR_BYTES = 512;
const STAMP_BYTES = 8;

/**
 * A dump made up on the fly: any size, any position, no memory or disk for it. Same tag and size, same bytes.
 *
 * Data is a pseudo-random pattern of the tag, stamped with the number of each 512-byte sector (64 bits,
 * big-endian); before it comes the dump directory.
 */
export class GeneratedContent {
  readonly size: number;
  readonly #pattern: Uint8Array;
  readonly #directory: Uint8Array;

  constructor(tag: DumpTag, size: number) {
    this.size = size;
    this.#pattern = patternOf(tag);
    this.#directory = size < MIN_SIZE_WITH_DIRECTORY ? new Uint8Array(0) : dumpDirectory(tag, size);
  }

  /** Places `length` bytes from `offset` on at the start of `into`. The range has to lie within the dump. */
  read(offset: number, into: Uint8Array, length: number): void {
    this.#copyPattern(offset, into, length);
    const firstSector = Math.floor(offset / SECTOR_BYTES);
    for (
      let at = firstSector * SECTOR_BYTES - offset, n = firstSector;
      at < length;
      at += SECTOR_BYTES, n += 1
    )
      stamp(n, into, at, length);
    if (offset < this.#directory.length) into.set(this.#directory.subarray(offset, offset + length));
  }

  #copyPattern(offset: number, into: Uint8Array, length: number): void {
    for (let done = 0; done < length;) {
      const from = ((offset % PATTERN_BYTES) + done) & PATTERN_MASK;
      const part = Math.min(length - done, PATTERN_BYTES - from);
      into.set(this.#pattern.subarray(from, from + part), done);
      done += part;
    }
  }
}

/** Writes that part of a sector's stamp at `into[at]` which lies within `into[0 .. length)`. */
function stamp(sector: number, into: Uint8Array, at: number, length: number): void {
  const high = highWord(sector);
  const low = lowWord(sector);
  const end = Math.min(STAMP_BYTES, length - at);
  for (let i = at < 0 ? -at : 0; i < end; i += 1)
    into[at + i] = i < 4 ? high >>> (24 - 8 * i) : low >>> (56 - 8 * i);
}

function patternOf(tag: DumpTag): Uint8Array {
  const bytes = new Uint8Array(PATTERN_BYTES);
  const view = new DataView(bytes.buffer);
  const seed = mix32(Number(tag & 0xffff_ffffn), Number(tag >> 32n) + 1);
  // Little-endian on every host, so that a tag has the same bytes everywhere.
  for (let at = 0; at < PATTERN_BYTES; at += 4) view.setUint32(at, mix32(at, seed), true);
  return bytes;
}

let latest: { tag: DumpTag; content: GeneratedContent } | undefined;

/**
 * The bytes that a generated dump has at `offset`: what tests compare with.
 *
 * @internal
 * @returns how many bytes were placed in `into`, fewer than asked only at the end of the dump
 */
export function readGenerated(tag: DumpTag, size: number, offset: number, into: Uint8Array): number {
  if (latest?.tag !== tag || latest.content.size !== size)
    latest = { tag, content: new GeneratedContent(tag, size) };
  const length = Math.max(0, Math.min(into.length, size - offset));
  latest.content.read(offset, into, length);
  return length;
}
