import type { Logger } from '../../base/log.js';
import { TraceWriter } from '../../rtas/index.js';
import type { Cleanup } from './cleanup.js';

/** A disk that is full now and then has no more to say than this often. */
const SAY_TROUBLE_EVERY_MS = 60_000;

/**
 * Begins the trace of `--trace-rtas`. What it lacks cannot be seen in it before it can be written again, so the log says it.
 *
 * @returns name of the channel that firmware calls are told to; undefined: nobody traces
 * @throws Error in one line
 */
export async function openTrace(
  path: string | undefined,
  cleanup: Cleanup,
  log: Logger,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  let saidAtMs = -Infinity;
  let isSaid = false;
  try {
    const writer = await TraceWriter.open(path, {
      onTrouble(reason) {
        if (performance.now() - saidAtMs < SAY_TROUBLE_EVERY_MS) return;
        saidAtMs = performance.now();
        isSaid = true;
        log.warn('the trace cannot be written: firmware calls go on without it', { path, reason });
      },
      onRecovery(lost) {
        if (isSaid || lost > 0) log.warn('the trace is written again', { path, lost });
        isSaid = false;
      },
    });
    cleanup.add('trace', () => writer[Symbol.asyncDispose]());
    return writer.channel;
  } catch (error) {
    throw new Error(`cannot write the trace of firmware calls: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
