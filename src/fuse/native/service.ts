import type { OperationName } from './addon.js';

/** What goes into a `signal` behind the worker: the result or a negative errno, then what the operation hands back. */
export type Reply = readonly [result: number, ...rest: unknown[]];

/** How one callback is served. Its arguments are what the addon passes (fuse-native 2.2.6, fuse-native.c). */
export interface Service<Args extends readonly unknown[], T> {
  run(...args: Args): T | Promise<T>;
  reply(value: T, args: Args): Reply;
  /** The addon takes what an operation hands back even when it failed, so something has to be there. */
  fail(errno: number, args: Args): Reply;
}

/** Puts a service behind a callback. */
export type Serve = <Args extends readonly unknown[], T>(
  name: OperationName,
  service: Service<Args, T>,
) => void;

/** An operation that hands nothing back. */
export function plain<Args extends readonly unknown[]>(
  run: (...args: Args) => void | Promise<void>,
): Service<Args, void> {
  return { run, reply: () => [0], fail: (errno) => [errno] };
}

/**
 * An operation that fills a buffer of libfuse's, or would take its bytes, and returns their number. The addon has to get
 * the buffer back to detach it, since libfuse frees the memory.
 *
 * @param at position of the buffer among the arguments
 */
export function buffered<Args extends readonly unknown[]>(
  at: number,
  run: (...args: Args) => number | Promise<number>,
): Service<Args, number> {
  const memory = (args: Args): ArrayBufferLike => (args[at] as Buffer).buffer;
  return {
    run,
    reply: (bytes, args) => [bytes, memory(args)],
    fail: (errno, args) => [errno, memory(args)],
  };
}
