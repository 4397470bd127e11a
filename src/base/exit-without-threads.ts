/**
 * Lets this process end although one of its threads is stuck in a system call: Node would wait for it for ever.
 *
 * At exit the process sends itself SIGTERM, with its default action. The exit status is lost, but service managers count
 * an end by SIGTERM as a clean one.
 */
export function exitWithoutThreads(): void {
  process.once('exit', () => {
    process.removeAllListeners('SIGTERM');
    process.kill(process.pid, 'SIGTERM');
  });
}
