import type { WorkerOptions } from 'node:worker_threads';
import { Worker } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { keptThread } from './thread-code.js';
import { threadEntry } from './thread-entry.js';

/**
 * Starts a worker thread.
 *
 * @param file as for `threadEntry`
 * @throws Error that names the limits, when the system has no room for another thread. What a thread lacks while it starts
 *   (descriptors for its event loop) is an `error` event.
 */
export function startThread(file: string, options: WorkerOptions): Worker {
  const entry = threadEntry(file);
  const kept = keptThread(fileURLToPath(entry));
  try {
    return kept === undefined ? new Worker(entry, options) : new Worker(kept, { ...options, eval: true });
  } catch (error) {
    if (!isShortage(error)) throw error;
    throw new Error(`${messageOf(error)}: no thread can be started, raise ${LIMITS}`, { cause: error });
  }
}

/** Whether a thread did not start for want of something that may be there later. */
export function isShortage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return SHORTAGES.has(code) || isShortage(error.cause);
}

const LIMITS = 'pids.max of the control group (TasksMax= of a unit), or ulimit -u and -n';

/** Node gives the first for whatever the kernel says, also when it cannot start a thread's event loop. */
const SHORTAGES = new Set(['ERR_WORKER_INIT_FAILED', 'EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
