import { endianness } from 'node:os';

/**
 * Messages that a FUSE daemon sends to the kernel on its own account, to make it forget what it has cached.
 *
 * Both transports encode them here and write them to the FUSE device themselves: the `kernel` transport to the one that
 * it serves, `fuse-native` to the one that libfuse opened in this process. They differ in the inode numbers: `kernel`
 * hands out the filesystem's own, libfuse numbers names as it meets them, so `fuse-native` sends no `notifyDelete`.
 *
 * Layout: `struct fuse_out_header` with the code in place of an error and `unique` 0, then the body; host byte order.
 * @see Linux include/uapi/linux/fuse.h (enum fuse_notify_code)
 */
const NOTIFY_INVAL_INODE = 2;
const NOTIFY_INVAL_ENTRY = 3;
const NOTIFY_DELETE = 6;
const NOTIFY_RESEND = 7;

const HEADER_BYTES = 16;
export const LITTLE_ENDIAN = endianness() === 'LE';

/** Attributes of an inode, and its cached pages too, mapped ones included. ENOENT: the kernel does not know it. */
export function notifyInvalidateInode(ino: number, what: 'attributes' | 'pages'): Uint8Array {
  const { bytes, view } = message(NOTIFY_INVAL_INODE, 24);
  view.setBigUint64(16, BigInt(ino), LITTLE_ENDIAN);
  // A negative offset leaves the pages alone; length 0 means to the end of the file.
  view.setBigInt64(24, what === 'attributes' ? -1n : 0n, LITTLE_ENDIAN);
  view.setBigInt64(32, 0n, LITTLE_ENDIAN);
  return bytes;
}

/** A name in a directory. Takes the directory's lock: the write waits for lookups and unlinks that we have to answer. */
export function notifyInvalidateEntry(parent: number, name: string): Uint8Array {
  const text = Buffer.from(name);
  const { bytes, view } = message(NOTIFY_INVAL_ENTRY, 16 + text.length + 1);
  view.setBigUint64(16, BigInt(parent), LITTLE_ENDIAN);
  view.setUint32(24, text.length, LITTLE_ENDIAN);
  bytes.set(text, 32);
  return bytes;
}

/** A name and its inode, as if unlinked: open files keep working. Takes the directory's lock. ENOENT: another inode. */
export function notifyDelete(parent: number, child: number, name: string): Uint8Array {
  const text = Buffer.from(name);
  const { bytes, view } = message(NOTIFY_DELETE, 24 + text.length + 1);
  view.setBigUint64(16, BigInt(parent), LITTLE_ENDIAN);
  view.setBigUint64(24, BigInt(child), LITTLE_ENDIAN);
  view.setUint32(32, text.length, LITTLE_ENDIAN);
  bytes.set(text, 40);
  return bytes;
}

/** All that was asked and not answered is to be asked once more (Linux 6.9): whoever was asked has gone. */
export function notifyResend(): Uint8Array {
  return message(NOTIFY_RESEND, 0).bytes;
}

/** Zeroed: padding, flags and the closing NUL of a name are in place. */
function message(code: number, bodyBytes: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(HEADER_BYTES + bodyBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, LITTLE_ENDIAN);
  view.setInt32(4, code, LITTLE_ENDIAN);
  return { bytes, view };
}
