import { FsError } from '../../base/errno.js';
import type { Logger } from '../../base/log.js';
import type { Filesystem } from '../../fs/index.js';
import { answer, logFailure } from '../answer.js';
import { INIT_FLAG2, OPCODE } from './abi.js';
import type { InHeader, InitRequest } from './decode.js';
import { decodeInHeader } from './decode.js';
import { InterruptedRequests } from './interrupted-requests.js';
import type { Negotiation } from './negotiate.js';
import { negotiate } from './negotiate.js';
import type { Operation, Replies, Server } from './operations.js';
import { acknowledging, operationFor } from './operations.js';
import { KernelRequest } from './request.js';
import type { Requester } from './requester.js';
import { lookAtRequester } from './requester.js';

/** Give back what the kernel holds: served to the last. */
const GIVING_BACK = new Set<number>([
  OPCODE.FORGET,
  OPCODE.BATCH_FORGET,
  OPCODE.RELEASE,
  OPCODE.RELEASEDIR,
  OPCODE.INTERRUPT,
]);

/** What the kernel itself says of a mount that nobody serves. */
const NOT_CONNECTED = new FsError('ENOTCONN', 'the mount is going away', { severity: 'debug' });

const refused = acknowledging('refused', () => {
  throw NOT_CONNECTED;
});

export interface SessionOptions {
  readonly filesystem: Filesystem;
  readonly replies: Replies;
  readonly pageBytes: number;
  readonly log: Logger;
  /** Called when nothing is left to wait for on an inode (`isWaitedFor`). */
  readonly onIdle?: (ino: number) => void;
  /** What the thread `tid` is about to do; by default what /proc says. */
  readonly lookAtRequester?: (tid: number) => Requester;
  /** Byte order of the device; the machine's by default. */
  readonly littleEndian?: boolean;
}

/** Serves the requests of one mount, from INIT to the end. */
export class Session implements Server {
  readonly filesystem: Filesystem;
  readonly replies: Replies;
  readonly openFiles = new Set<number>();
  /** False until it is known: then the filesystem checks. */
  kernelChecksPermissions = false;
  /** Settles with the kernel's first INIT that we understand, or do not. */
  readonly initialized: Promise<Negotiation>;
  readonly #options: SessionOptions;
  /** Requests that have to wait; the others are answered before the next is looked at. */
  readonly #waiting = new Map<bigint, KernelRequest>();
  /** Those of them that the kernel has sent an INTERRUPT for. */
  readonly #interrupted: InterruptedRequests;
  /** How many of `#waiting` there are for an inode. */
  readonly #waitingFor = new Map<number, number>();
  #onInitialized: (negotiation: Negotiation) => void = () => undefined;
  #refusing = false;
  #hasPaused = false;
  /** The kernel asks once more what nobody has answered, when it is told to. */
  canResend = false;

  constructor(options: SessionOptions) {
    this.filesystem = options.filesystem;
    this.replies = options.replies;
    this.#options = options;
    this.#interrupted = new InterruptedRequests(options.lookAtRequester ?? lookAtRequester);
    this.initialized = new Promise((resolve) => (this.#onInitialized = resolve));
  }

  /** Serves one request, exactly as it was read from the device. Never throws. */
  handle(message: Uint8Array): void {
    if (this.#hasPaused) return;
    let header: InHeader;
    try {
      header = decodeInHeader(message, this.#options.littleEndian);
    } catch (error) {
      this.#options.log.error('ignored a malformed request of the kernel', { error });
      return;
    }
    const request = new KernelRequest(header, this.#operation(header.opcode), this);
    const settled = answer(request, this.#options.log);
    if (settled !== undefined) this.#keep(request, settled);
  }

  initialize(request: InitRequest): Negotiation {
    const negotiation = negotiate(request, this.#options.pageBytes);
    this.canResend = (request.flags2 & INIT_FLAG2.HAS_RESEND) !== 0;
    const { log } = this.#options;
    log.debug('negotiated with the kernel', { kernel: `${request.major}.${request.minor}`, ...negotiation });
    if (negotiation.kind !== 'again') queueMicrotask(() => this.#onInitialized(negotiation));
    return negotiation;
  }

  interrupt(unique: bigint): void {
    const request = this.#waiting.get(unique);
    if (request !== undefined) this.#interrupted.add(request);
  }

  /** Whether somebody waits for an answer about an inode, holding locks on it in the kernel. */
  isWaitedFor(ino: number): boolean {
    return this.#waitingFor.has(ino);
  }

  /** Takes no request any more: the kernel will ask another process. */
  pause(): void {
    this.#hasPaused = true;
  }

  /** Ends every wait at once, and answers from here on only what gives something back. */
  refuseAll(): void {
    this.#refusing = true;
    for (const request of this.#waiting.values()) {
      request.interrupt();
      request.fail(NOT_CONNECTED.wireErrno);
    }
  }

  /** Gives back the handles whose RELEASE the kernel did not send any more. */
  releaseAll(): void {
    for (const fh of this.openFiles) this.#giveBack('release', () => this.filesystem.release(fh));
    this.openFiles.clear();
  }

  #giveBack(operation: string, release: () => void): void {
    try {
      release();
    } catch (thrown) {
      logFailure(operation, thrown, this.#options.log);
    }
  }

  #operation(opcode: number): Operation<unknown> {
    return this.#refusing && !GIVING_BACK.has(opcode) ? refused : operationFor(opcode);
  }

  #keep(request: KernelRequest, settled: Promise<void>): void {
    const { nodeid, unique } = request;
    this.#waiting.set(unique, request);
    this.#waitingFor.set(nodeid, (this.#waitingFor.get(nodeid) ?? 0) + 1);
    void settled.then(() => {
      this.#waiting.delete(unique);
      this.#interrupted.delete(unique);
      const left = (this.#waitingFor.get(nodeid) ?? 1) - 1;
      if (left > 0) {
        this.#waitingFor.set(nodeid, left);
      } else {
        this.#waitingFor.delete(nodeid);
        this.#options.onIdle?.(nodeid);
      }
    });
  }
}
