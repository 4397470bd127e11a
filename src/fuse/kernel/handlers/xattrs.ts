import { FsError } from '../../../base/errno.js';
import type { ByteWriter } from '../../../base/byte-writer.js';
import { decodeGetxattr, decodeListxattr } from '../decode.js';
import { encodeXattrSize } from '../encode.js';
import { replying } from '../operation.js';

/** Extended attributes. */

interface Value {
  readonly bytes: Uint8Array;
  /** Room of whoever asks; 0: how much is needed is the question. */
  readonly room: number;
}

export const getxattr = replying(
  'getxattr',
  async ({ filesystem }, request): Promise<Value> => {
    const { size, name } = decodeGetxattr(request.body);
    return { bytes: await filesystem.getxattr(request.nodeid, name, request), room: size };
  },
  encodeValue,
);

export const listxattr = replying(
  'listxattr',
  ({ filesystem }, { nodeid, body }): Value => {
    const room = decodeListxattr(body);
    const names = filesystem.listxattr(nodeid).map((name) => `${name}\0`);
    return { bytes: Buffer.from(names.join('')), room };
  },
  encodeValue,
);

function encodeValue(writer: ByteWriter, { bytes, room }: Value): void {
  if (room === 0) encodeXattrSize(writer, bytes.length);
  else if (bytes.length <= room) writer.bytes(bytes);
  else throw new FsError('ERANGE', `${bytes.length} bytes do not fit into ${room}`, { severity: 'debug' });
}
