import { interrupted } from './errno.js';

/**
 * Waits for work that others share: when `signal` aborts, only this caller leaves, with EINTR.
 * @param onAbort called first, for work that can be taken back
 */
export function abortable<T>(work: Promise<T>, signal: AbortSignal, onAbort?: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      onAbort?.();
      reject(interrupted());
    };
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
    // Also for a caller that has left: work that fails later must not end the process as an unhandled rejection.
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', leave);
    });
  });
}
