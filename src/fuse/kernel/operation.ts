import type { ByteWriter } from '../../base/byte-writer.js';
import type { PinnedBytes } from '../../base/pinned-bytes.js';
import type { Filesystem } from '../../fs/index.js';
import type { Negotiation } from './negotiate.js';
import type { InitRequest } from './decode.js';
import type { KernelRequest } from './request.js';

/** The way back to the kernel. `sendBody` and `sendBytes` say whether it took the reply: somebody still waited for it. */
export interface Replies {
  /** Starts a reply: its body goes into the writer, then comes `sendBody`. Nothing may be awaited in between. */
  startBody(): ByteWriter;
  sendBody(unique: bigint): boolean;
  sendBytes(unique: bigint, bytes: PinnedBytes): boolean;
  /** @param wireErrno negative */
  sendError(unique: bigint, wireErrno: number): void;
}

/** What operations act on. */
export interface Server {
  readonly filesystem: Filesystem;
  readonly replies: Replies;
  /** Handles that the kernel holds. */
  readonly openFiles: Set<number>;
  /** The mount has the option `default_permissions`. */
  readonly kernelChecksPermissions: boolean;
  initialize(request: InitRequest): Negotiation;
  interrupt(unique: bigint): void;
}

/**
 * How one opcode is served: the body of the request becomes a call, its result becomes the body of the reply.
 *
 * Methods rather than function properties, so that operations of all result types fit into one table.
 */
export interface Operation<T> {
  readonly name: string;
  /** The kernel expects no reply, not even an error. */
  readonly silent: boolean;
  run(server: Server, request: KernelRequest): T | Promise<T>;
  /** Undoes what `run` has counted when nobody takes the reply: the kernel will not give it back then. */
  reply(server: Server, request: KernelRequest, value: T): void;
}

/** An operation that counts nothing: `encode` is all there is to its reply. */
export function replying<T>(
  name: string,
  run: (server: Server, request: KernelRequest) => T | Promise<T>,
  encode: (writer: ByteWriter, value: T) => void,
): Operation<T> {
  return {
    name,
    silent: false,
    run,
    reply: ({ replies }, { unique }, value) => {
      encode(replies.startBody(), value);
      replies.sendBody(unique);
    },
  };
}

/** An operation whose reply says no more than that it was done. */
export function acknowledging(
  name: string,
  run: (server: Server, request: KernelRequest) => void | Promise<void>,
): Operation<void> {
  return replying(name, run, () => undefined);
}

/** A message that is not replied to. */
export function silent(name: string, run: (server: Server, request: KernelRequest) => void): Operation<void> {
  return { name, silent: true, run, reply: () => undefined };
}
