import { ByteWriter } from '../../src/base/byte-writer.js';

export interface RequestFields {
  readonly unique?: bigint;
  readonly nodeid?: number;
  readonly littleEndian?: boolean;
}

/** A request as the kernel sends it: header and what `write` puts behind it. */
export function kernelRequest(
  opcode: number,
  write: (writer: ByteWriter) => void = () => undefined,
  { unique = 2n, nodeid = 1, littleEndian }: RequestFields = {},
): Uint8Array {
  const writer = new ByteWriter(new Uint8Array(4096), littleEndian);
  writer.zeros(40);
  write(writer);
  const { length } = writer;
  writer.reset();
  writer.u32(length);
  writer.u32(opcode);
  writer.u64(unique);
  writer.u64FromNumber(nodeid);
  for (const id of [1000, 1000, 4711]) writer.u32(id);
  writer.reset(length);
  return writer.written.slice();
}

/** A name with its closing NUL. */
export function nameBody(name: string): (writer: ByteWriter) => void {
  return (writer) => {
    writer.text(name);
    writer.zeros(1);
  };
}

/** struct fuse_read_in. */
export function readBody(fh: number, offset: number, size: number): (writer: ByteWriter) => void {
  return (writer) => {
    writer.u64FromNumber(fh);
    writer.u64FromNumber(offset);
    writer.u32(size);
    writer.zeros(20);
  };
}
