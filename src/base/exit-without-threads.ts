/**
 * Lets this process end although one of its threads is stuck in a system call: Node would wait for it for ever.
 *
 * To be called when that is known; at exit `dieBySignal` follows.
 */
export function exitWithoutThreads(): void {
  process.once('exit', dieBySignal);
}

/**
 * Ends this process at once. The exit status is lost, but service managers count an end by SIGTERM as a clean one, and
 * one by SIGKILL as a failure.
 *
 * @param status what the process was about to exit with
 */
export function dieBySignal(status: number): void {
  if (status !== 0) process.kill(process.pid, 'SIGKILL');
  // Without a listener the signal has its default action.
  process.removeAllListeners('SIGTERM');
  process.kill(process.pid, 'SIGTERM');
}
