import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { loadKoffi } from '../../base/koffi.js';

/** What the kernel holds of an answer at a time, and a reader who stops can still get after a rise: some 15 dumps. */
const PIECE_BYTES = 4096;
/** A reader that is awake has read a piece within so many turns of the event loop; then it is looked for less often. */
const BUSY_TURNS = 50;
const MOST_WAIT_MS = 50;

/**
 * Hands an answer to the kernel piece by piece, the head first, each when the one before was read. What the kernel has
 * taken can be read for as long as the reader likes; what it has not taken can still be dropped.
 */
export class PacedAnswer {
  readonly #response: ServerResponse;
  readonly #queue: Buffer[] = [];
  #unsentBytes = 0;
  #isLast = false;
  #isWaiting = false;
  #looks = 0;

  /** @param response with its status and headers set */
  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** What the kernel has not taken. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  write(text: string): void {
    const bytes = Buffer.from(text);
    if (bytes.length > 0) this.#queue.push(bytes);
    this.#unsentBytes += bytes.length;
    this.#goOn();
  }

  end(text = ''): void {
    this.#isLast = true;
    this.write(text);
  }

  /** Breaks off. */
  drop(): void {
    this.#queue.length = 0;
    this.#unsentBytes = 0;
    this.#response.destroy();
  }

  #goOn(): void {
    if (this.#isWaiting) return;
    this.#response.flushHeaders();
    while (this.#unsentBytes > 0) {
      if (!this.#isRead()) {
        this.#wait();
        return;
      }
      this.#looks = 0;
      this.#response.write(this.#nextPiece());
    }
    if (this.#isLast) this.#response.end();
  }

  /** Where nobody can tell: once the kernel has taken it. */
  #isRead(): boolean {
    const { socket } = this.#response;
    return socket === null || (socket.writableLength === 0 && (unreadBytes(socket) ?? 0) === 0);
  }

  #wait(): void {
    this.#isWaiting = true;
    const goOn = (): void => {
      this.#isWaiting = false;
      if (this.#response.destroyed) this.drop();
      else this.#goOn();
    };
    this.#looks += 1;
    const busy = this.#looks - BUSY_TURNS;
    if (busy <= 0) setImmediate(goOn);
    else setTimeout(goOn, Math.min(2 ** busy, MOST_WAIT_MS)).unref();
  }

  #nextPiece(): Buffer {
    const parts: Buffer[] = [];
    let room = PIECE_BYTES;
    for (let first = this.#queue[0]; first !== undefined && room > 0; first = this.#queue[0]) {
      const part = first.subarray(0, room);
      if (part.length === first.length) this.#queue.shift();
      else this.#queue[0] = first.subarray(part.length);
      parts.push(part);
      room -= part.length;
    }
    this.#unsentBytes -= PIECE_BYTES - room;
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }
}

type Ioctl = (fd: number, request: number, value: Int32Array) => number;

/** SIOCOUTQ. asm-generic/ioctls.h, arch/powerpc/include/uapi/asm/ioctls.h */
const REQUEST = process.arch === 'ppc64' ? 0x40047473 : 0x5411;

let ioctl: Ioctl | undefined;

/**
 * How much memory the kernel holds for what was written to a Unix socket and has not been read: 0 when all was read.
 *
 * @returns undefined where nobody can tell: without koffi, or when the socket is closed
 */
export function unreadBytes(socket: Socket): number | undefined {
  // Node.js shows the descriptor of a socket nowhere else.
  const fd = (socket as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd;
  if (fd === undefined || fd < 0) return undefined;
  try {
    // Declared with fixed arguments: on the 64-bit ABIs of Linux these travel like variable ones.
    ioctl ??= loadKoffi()
      .load('libc.so.6')
      .func('ioctl', 'int', ['int', 'unsigned long', '_Out_ int32_t *']) as Ioctl;
    const value = new Int32Array(1);
    return ioctl(fd, REQUEST, value) === 0 ? value[0] : undefined;
  } catch {
    return undefined;
  }
}
