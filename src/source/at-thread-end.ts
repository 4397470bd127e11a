import { isMainThread } from 'node:worker_threads';

/** Disposes of what a thread holds when the thread ends, by failing too: what it opened, only it can close. */
export function atThreadEnd(held: Disposable): void {
  if (!isMainThread) process.once('exit', () => held[Symbol.dispose]());
}
