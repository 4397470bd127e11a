import type { ByteReader } from '../../base/byte-reader.js';
import type { RequestContext } from '../../fs/index.js';
import type { Asked } from '../answer.js';
import { UNIQUE_RESEND } from './abi.js';
import type { InHeader } from './decode.js';
import type { Operation, Server } from './operations.js';
import { callerGroups } from './requester.js';

/** One request of the kernel, from arrival to reply. */
export class KernelRequest implements RequestContext, Asked<unknown> {
  readonly opcode: number;
  readonly unique: bigint;
  readonly nodeid: number;
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  readonly body: ByteReader;
  readonly #kind: Operation<unknown>;
  readonly #server: Server;
  #controller: AbortController | undefined;
  #interrupted = false;

  constructor(header: InHeader, kind: Operation<unknown>, server: Server) {
    this.opcode = header.opcode;
    this.unique = header.unique;
    this.nodeid = header.nodeid;
    this.uid = header.uid;
    this.gid = header.gid;
    this.pid = header.pid;
    this.body = header.body;
    this.#kind = kind;
    this.#server = server;
  }

  get operation(): string {
    return this.#kind.name;
  }

  groups(): readonly number[] {
    return callerGroups(this);
  }

  get isResent(): boolean {
    return (this.unique & UNIQUE_RESEND) !== 0n;
  }

  get isCheckedByKernel(): boolean {
    return this.#server.kernelChecksPermissions;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#interrupted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** Whoever asked has been told to stop waiting. */
  interrupt(): void {
    this.#interrupted = true;
    this.#controller?.abort();
  }

  perform(): unknown {
    return this.#kind.run(this.#server, this);
  }

  succeed(value: unknown): void {
    this.#kind.reply(this.#server, this, value);
  }

  fail(wireErrno: number): void {
    if (!this.#kind.silent) this.#server.replies.sendError(this.unique, wireErrno);
  }
}
