import { ByteReader, HOST_LITTLE_ENDIAN } from '../../base/byte-reader.js';
import { IN_HEADER_BYTES } from './abi.js';

/** struct fuse_in_header: what precedes every request. */
export interface InHeader {
  readonly opcode: number;
  /** Identifies the request in the reply and in an INTERRUPT. */
  readonly unique: bigint;
  /** One of ours; whatever else it may be, no inode has it. */
  readonly nodeid: number;
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  /** What follows the header, without extensions. */
  readonly body: ByteReader;
}

/**
 * Takes one request, as read from the device, apart.
 *
 * @throws RangeError when the length is not the one that the header states
 */
export function decodeInHeader(message: Uint8Array, littleEndian = HOST_LITTLE_ENDIAN): InHeader {
  const reader = new ByteReader(message, 'FUSE request header', littleEndian);
  const length = reader.u32();
  if (length !== message.length) {
    throw new RangeError(`FUSE request header: length ${length} on a message of ${message.length} bytes`);
  }
  const opcode = reader.u32();
  const unique = reader.u64();
  const nodeid = reader.u64Clamped();
  const uid = reader.u32();
  const gid = reader.u32();
  const pid = reader.u32();
  // Extensions (7.38) follow the body, in units of 8 bytes. They tell what new files are to be given: nothing for us.
  const bodyLength = length - IN_HEADER_BYTES - 8 * reader.u16();
  reader.skip(2);
  const body = new ByteReader(reader.bytes(bodyLength), `FUSE request ${opcode}`, littleEndian);
  return { opcode, unique, nodeid, uid, gid, pid, body };
}
