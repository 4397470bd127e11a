import { FsError } from '../base/errno.js';
import type { Logger } from '../base/log.js';

/** A request on its way to its answer: `succeed` or `fail`, and `fail` too when `succeed` throws. */
export interface Asked<T> {
  /** Operation in the kernel's words, for the log. */
  readonly operation: string;
  /** What is there already comes as a value: for a cached page there is nothing to wait for. */
  perform(): T | Promise<T>;
  succeed(value: T): void;
  /** @param wireErrno negative errno number of the running platform */
  fail(wireErrno: number): void;
}

/**
 * Performs a request and replies. The only catch on the request path: every failure is logged here, once.
 *
 * Values are replied to before this returns; only for a promise there is something to wait for.
 */
export function answer<T>(asked: Asked<T>, log: Logger): Promise<void> | undefined {
  try {
    const result = asked.perform();
    if (result instanceof Promise) return answerLater(asked, result, log);
    asked.succeed(result);
  } catch (thrown) {
    asked.fail(logFailure(asked.operation, thrown, log));
  }
  return undefined;
}

async function answerLater<T>(asked: Asked<T>, result: Promise<T>, log: Logger): Promise<void> {
  try {
    asked.succeed(await result);
  } catch (thrown) {
    asked.fail(logFailure(asked.operation, thrown, log));
  }
}

/** @returns what to tell the kernel */
export function logFailure(operation: string, thrown: unknown, log: Logger): number {
  const failure = FsError.from(thrown);
  log[failure.severity]('operation failed', {
    op: operation,
    errno: failure.code,
    ...failure.fields,
    error: failure,
  });
  return failure.wireErrno;
}
