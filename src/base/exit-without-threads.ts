import { loadKoffi } from './koffi.js';

/**
 * Lets this process end although one of its threads is stuck in a system call: Node would wait for it for ever.
 *
 * To be called when that is known; at exit `endAtOnce` follows.
 */
export function exitWithoutThreads(): void {
  if (process.listeners('exit').includes(endAtOnce)) return;
  process.once('exit', endAtOnce);
}

/**
 * Ends this process at once: by _exit(2), or by a signal where koffi is missing. The exit status is lost then, but service
 * managers count an end by SIGTERM as a clean one, and one by SIGKILL as a failure. PID 1 of a container is sent neither: it
 * aborts.
 *
 * @param status what the process was about to exit with
 */
export function endAtOnce(status: number): void {
  try {
    const libc = loadKoffi().load('libc.so.6');
    (libc.func('_exit', 'void', ['int']) as (status: number) => void)(status);
  } catch {
    if (process.pid === 1) process.abort();
    if (status !== 0) process.kill(process.pid, 'SIGKILL');
    // Without a listener the signal has its default action.
    process.removeAllListeners('SIGTERM');
    process.kill(process.pid, 'SIGTERM');
  }
}
