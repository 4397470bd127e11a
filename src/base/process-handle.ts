import { closeSync } from 'node:fs';
import { loadKoffi } from './koffi.js';
import { systemCall } from './libc.js';

// asm-generic/unistd.h: calls as young as these have one number on all architectures that Node.js runs on.
const PIDFD_OPEN = 434;
const PIDFD_GETFD = 438;
/** poll.h */
const POLLIN = 1;

interface Poll {
  readonly async: (
    entry: Int32Array,
    count: number,
    timeoutMs: number,
    done: (error: Error | null, ready: number) => void,
  ) => void;
}

/** A process that is meant, whoever gets its number later. @see pidfd_open(2) */
export class ProcessHandle implements Disposable {
  readonly pid: number;
  readonly #fd: number;
  readonly #poll: Poll;

  /** @throws SystemCallError ESRCH: there is none; ENOSYS: before Linux 5.3. Error: koffi is missing */
  constructor(pid: number) {
    this.pid = pid;
    const libc = loadKoffi().load('libc.so.6');
    this.#poll = libc.func('poll', 'int', ['int *', 'unsigned long', 'int']);
    this.#fd = systemCall(PIDFD_OPEN, [pid, 0, 0], `cannot look at process ${pid}`);
  }

  /**
   * A descriptor of that process, here as well. No program that is started later inherits it.
   *
   * @throws SystemCallError EPERM: this process may not trace the other (ptrace(2)); EBADF; ENOSYS: before Linux 5.6
   * @see pidfd_getfd(2)
   */
  descriptor(fd: number): number {
    return systemCall(PIDFD_GETFD, [this.#fd, fd, 0], `cannot take descriptor ${fd} of process ${this.pid}`);
  }

  /** Whether it has ended, every thread of it, after `timeoutMs` at the latest. */
  async endsWithin(timeoutMs: number): Promise<boolean> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const leftMs = Math.max(0, Math.ceil(deadlineMs - performance.now()));
      const ready = await this.#pollFor(leftMs);
      // A signal ends the call as well.
      if (ready >= 0 || leftMs === 0) return ready > 0;
    }
  }

  /** @returns 1: the descriptor can be read, since the process has ended; 0: the time is over */
  #pollFor(timeoutMs: number): Promise<number> {
    // struct pollfd
    const entry = new Int32Array(2);
    entry[0] = this.#fd;
    new Int16Array(entry.buffer)[2] = POLLIN;
    return new Promise((resolve, reject) => {
      this.#poll.async(entry, 1, timeoutMs, (error, ready) => {
        if (error === null) resolve(ready);
        else reject(error);
      });
    });
  }

  /** Kills it, unless it has just ended. @throws Error EPERM */
  kill(): void {
    try {
      process.kill(this.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
