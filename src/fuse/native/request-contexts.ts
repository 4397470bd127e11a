import type { Answer, RequestContext } from '../../fs/index.js';
import { finallyDo } from './answers.js';

/**
 * What requests through libfuse can say about themselves, which is nothing: fuse-native passes neither the caller nor
 * its interrupts. Their signals fire when the mount has ended.
 */
export class RequestContexts {
  readonly #waiting = new Set<AbortController>();

  /** Runs one request with a context of its own. */
  run<T>(request: (context: RequestContext) => Answer<T>): Answer<T> {
    let controller: AbortController | undefined;
    const waiting = this.#waiting;
    const context: RequestContext = {
      uid: 0,
      gid: 0,
      pid: 0,
      get signal() {
        controller ??= new AbortController();
        waiting.add(controller);
        return controller.signal;
      },
    };
    return finallyDo(
      () => request(context),
      () => {
        if (controller !== undefined) waiting.delete(controller);
      },
    );
  }

  abort(): void {
    for (const controller of this.#waiting) controller.abort();
  }
}
