import type { KernelRequest } from './request.js';
import type { Requester } from './requester.js';

/** How often a requester that waits on is looked at again. */
const LOOK_MS = 100;

/**
 * At most so many a time, the others have their turn the next time: a look takes some 30 us of the main thread, and
 * whoever starts thousands of threads that wait shall not hold up everybody else.
 */
const MOST_LOOKS = 200;

/** A requester that is not asleep for so many looks in a row is not the task that was looked at. */
const MOST_AWAKE = 5;

interface Interrupted {
  readonly request: KernelRequest;
  looksAwake: number;
}

/**
 * Requests that wait and that the kernel has sent an INTERRUPT for.
 *
 * The kernel sends one for the first signal that comes, whichever it is: a child that ended, Ctrl-Z, a timer, a debugger
 * that attaches, a control group that is thawed. None follows, not even for SIGKILL, and until the request is answered its
 * task sleeps where no signal wakes it (`request_wait_answer`). EINTR for a harmless signal would be an error that no disk
 * file system gives: `[ -s FILE ]` says no, `cp` fails. So it is looked at what is pending, at once and now and then.
 */
export class InterruptedRequests {
  readonly #look: (tid: number) => Requester;
  /** In the order in which they are looked at. */
  readonly #waiting = new Map<bigint, Interrupted>();
  #timer: NodeJS.Timeout | undefined;

  constructor(look: (tid: number) => Requester) {
    this.#look = look;
  }

  /** Lets the request go at once if its requester leaves, else when it does. */
  add(request: KernelRequest): void {
    this.#lookAt({ request, looksAwake: 0 });
    this.#schedule();
  }

  /** It is answered. */
  delete(unique: bigint): void {
    this.#waiting.delete(unique);
  }

  #schedule(): void {
    if (this.#waiting.size === 0) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#lookAtSome();
      this.#schedule();
    }, LOOK_MS).unref();
  }

  #lookAtSome(): void {
    const some = [...this.#waiting.values()].slice(0, MOST_LOOKS);
    for (const interrupted of some) {
      this.#waiting.delete(interrupted.request.unique);
      this.#lookAt(interrupted);
    }
  }

  #lookAt(interrupted: Interrupted): void {
    const { request } = interrupted;
    const requester = this.#look(request.pid);
    interrupted.looksAwake = requester === 'awake' ? interrupted.looksAwake + 1 : 0;
    if (requester === 'leaving' || requester === 'unseen' || interrupted.looksAwake >= MOST_AWAKE)
      request.interrupt();
    else this.#waiting.set(request.unique, interrupted);
  }
}
