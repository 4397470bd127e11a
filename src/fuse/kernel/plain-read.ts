import { HOST_LITTLE_ENDIAN } from '../../base/byte-reader.js';
import { OPCODE } from './abi.js';

/** fuse_in_header and fuse_read_in, in bytes. */
const READ_REQUEST_BYTES = 80;
const TWO_32 = 2 ** 32;

export interface PlainRead {
  /** As it is to be sent back, both halves as they lie in memory. */
  readonly unique: readonly [number, number];
  readonly fh: number;
  readonly offset: number;
  readonly size: number;
}

/**
 * Takes a READ request apart where it lies: for the thread that answers tens of thousands a second, where `decodeInHeader`
 * costs more than to answer.
 *
 * @returns undefined for anything else, and for a READ with extensions or numbers above 2^53
 */
export function decodePlainRead({ buffer, byteOffset, length }: Uint8Array): PlainRead | undefined {
  if (length !== READ_REQUEST_BYTES) return undefined;
  const view = new DataView(buffer, byteOffset, length);
  const u32 = (at: number): number => view.getUint32(at, HOST_LITTLE_ENDIAN);
  const u64 = (at: number): number =>
    HOST_LITTLE_ENDIAN ? u32(at + 4) * TWO_32 + u32(at) : u32(at) * TWO_32 + u32(at + 4);
  if (u32(0) !== length || u32(4) !== OPCODE.READ) return undefined;
  const fh = u64(40);
  const offset = u64(48);
  if (fh > Number.MAX_SAFE_INTEGER || offset > Number.MAX_SAFE_INTEGER) return undefined;
  return { unique: [u32(8), u32(12)], fh, offset, size: u32(56) };
}
