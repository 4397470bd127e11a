import { FsError } from '../../base/errno.js';
import type { RequestContext } from '../../fs/index.js';

/**
 * What requests through libfuse can say about themselves, which is nothing: fuse-native passes neither the caller nor
 * its interrupts. Their signals fire when the mount has ended.
 */
export class RequestContexts {
  readonly #uid: number | undefined;
  readonly #waiting = new Set<AbortController>();
  #ended = false;

  /** @param uid who makes all requests; undefined: anybody may */
  constructor(uid: number | undefined) {
    this.#uid = uid;
  }

  /** Runs one request with a context of its own. @throws ENOTCONN after the end */
  async run<T>(request: (context: RequestContext) => T | Promise<T>): Promise<T> {
    if (this.#ended) throw new FsError('ENOTCONN', 'the mount has ended', { severity: 'debug' });
    let controller: AbortController | undefined;
    const waiting = this.#waiting;
    const context: RequestContext = {
      uid: this.#uid,
      gid: 0,
      pid: 0,
      groups: () => [],
      // `default_permissions` is among the options of every such mount.
      isCheckedByKernel: true,
      get signal() {
        controller ??= new AbortController();
        waiting.add(controller);
        return controller.signal;
      },
    };
    try {
      return await request(context);
    } finally {
      if (controller !== undefined) waiting.delete(controller);
    }
  }

  /** Interrupts all that wait, and lets nothing begin any more. */
  end(): void {
    this.#ended = true;
    for (const controller of this.#waiting) controller.abort();
  }
}
