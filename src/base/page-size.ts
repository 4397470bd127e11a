import { readFileSync } from 'node:fs';
import { ByteReader, HOST_LITTLE_ENDIAN } from './byte-reader.js';

const AT_NULL = 0n;
const AT_PAGESZ = 6n;

/** The largest page of any Linux configuration in use. */
const LARGEST_PAGE_BYTES = 65_536;
const THIRTY_TWO_BIT = new Set(['arm', 'ia32', 'mips', 'mipsel', 'ppc']);

let known: number | undefined;

/**
 * Size in bytes of a memory page of this machine: 4096, or 65536 on ppc64le distributions.
 *
 * Where /proc cannot be read it is taken to be 65536: whoever computes a number of pages from it asks for too few then,
 * never for too many.
 */
export function pageSize(): number {
  known ??= readPageSize() ?? LARGEST_PAGE_BYTES;
  return known;
}

function readPageSize(): number | undefined {
  try {
    return parsePageSize(readFileSync('/proc/self/auxv'), THIRTY_TWO_BIT.has(process.arch) ? 4 : 8);
  } catch {
    return undefined;
  }
}

/**
 * AT_PAGESZ of an auxiliary vector: pairs of machine words, key and value.
 *
 * @see getauxval(3)
 */
export function parsePageSize(
  auxv: Uint8Array,
  wordBytes: 4 | 8,
  littleEndian = HOST_LITTLE_ENDIAN,
): number | undefined {
  const reader = new ByteReader(auxv, 'auxiliary vector', littleEndian);
  const word = (): bigint => (wordBytes === 8 ? reader.u64() : BigInt(reader.u32()));
  while (reader.remaining >= 2 * wordBytes) {
    const key = word();
    const value = word();
    if (key === AT_PAGESZ) return Number(value);
    if (key === AT_NULL) return undefined;
  }
  return undefined;
}
