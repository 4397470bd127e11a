import { closeSync } from 'node:fs';
import type { Koffi } from '../base/koffi.js';
import { loadKoffi } from '../base/koffi.js';

// bits/socket.h; the same on every architecture that Node.js runs on.
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x40000000;

/** Room for more than the one descriptor that is expected. */
const CONTROL_BYTES = 64;

/** A pair of connected Unix sockets, through which another program hands a descriptor to this one. @see unix(7) */
export class DescriptorChannel implements Disposable {
  /** For the other program to inherit. */
  readonly theirs: number;
  readonly #ours: number;
  readonly #koffi: Koffi;

  /** @throws Error without koffi */
  constructor() {
    this.#koffi = loadKoffi();
    const socketpair = this.#koffi
      .load('libc.so.6')
      .func('socketpair', 'int', ['int', 'int', 'int', 'int *']);
    const pair = new Int32Array(2);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) !== 0)
      throw new Error('no pair of sockets can be had from the kernel');
    [this.#ours = -1, this.theirs = -1] = pair;
  }

  /** The descriptor that has been sent; undefined: none. Does not wait. */
  receive(): number | undefined {
    const koffi = this.#koffi;
    const part = koffi.pointer(koffi.struct({ iov_base: 'void *', iov_len: 'size_t' }));
    const message = koffi.struct({
      msg_name: 'void *',
      msg_namelen: 'uint32_t',
      msg_iov: part,
      msg_iovlen: 'size_t',
      msg_control: 'void *',
      msg_controllen: 'size_t',
      msg_flags: 'int',
    });
    const recvmsg = koffi.load('libc.so.6').func('recvmsg', 'long', ['int', koffi.pointer(message), 'int']);
    const control = Buffer.alloc(CONTROL_BYTES);
    const oneByte = { iov_base: Buffer.alloc(1), iov_len: 1 };
    const header = {
      msg_name: null,
      msg_namelen: 0,
      msg_iov: [oneByte],
      msg_iovlen: 1,
      msg_control: control,
      msg_controllen: CONTROL_BYTES,
      msg_flags: 0,
    };
    if (recvmsg(this.#ours, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) !== 1) return undefined;
    const kind = koffi.struct({ cmsg_len: 'size_t', cmsg_level: 'int', cmsg_type: 'int', descriptor: 'int' });
    const sent = koffi.decode(control, kind) as SentDescriptor;
    return sent.cmsg_level === SOL_SOCKET && sent.cmsg_type === SCM_RIGHTS ? sent.descriptor : undefined;
  }

  [Symbol.dispose](): void {
    for (const fd of [this.#ours, this.theirs]) closeSync(fd);
  }
}

/** struct cmsghdr and what follows it: all zero where nothing was sent, and a level of 0 is no level. */
interface SentDescriptor {
  readonly cmsg_level: number;
  readonly cmsg_type: number;
  readonly descriptor: number;
}
