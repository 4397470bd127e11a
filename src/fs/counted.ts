import type { ErrnoName } from '../base/errno.js';
import { FsError } from '../base/errno.js';
import type { PinnedBytes } from '../base/pinned-bytes.js';
import type { Filesystem } from './api.js';

/** What was answered since the mount began, for metrics. */
export class AnswerCounts {
  /** Reads answered from memory, without a wait. */
  readsAtOnce = 0;
  /** Reads that waited: for firmware, the spool, or their turn. */
  readsAfterWaiting = 0;
  readBytes = 0;
  /** How often an operation failed, by errno. */
  readonly errors = new Map<ErrnoName, number>();

  countRead(bytes: number, hasWaited: boolean): void {
    if (hasWaited) this.readsAfterWaiting += 1;
    else this.readsAtOnce += 1;
    this.readBytes += bytes;
  }

  countError(thrown: unknown): void {
    const { code } = FsError.from(thrown);
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }
}

/** The same filesystem, which counts what it answers. */
export function countedFilesystem(inner: Filesystem, counts: AnswerCounts): Filesystem {
  return new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name === 'refuse')
        return (...args: unknown[]) => {
          const refusal: unknown = Reflect.apply(value, target, args);
          counts.countError(refusal);
          return refusal;
        };
      return (...args: unknown[]) => counted(() => Reflect.apply(value, target, args), name, counts);
    },
  });
}

function counted(answer: () => unknown, name: string | symbol, counts: AnswerCounts): unknown {
  try {
    const value = answer();
    if (!(value instanceof Promise)) return note(value, false);
    return value.then(
      (late: unknown) => note(late, true),
      (thrown: unknown) => {
        counts.countError(thrown);
        throw thrown;
      },
    );
  } catch (thrown) {
    counts.countError(thrown);
    throw thrown;
  }

  function note(value: unknown, hasWaited: boolean): unknown {
    if (name === 'read') counts.countRead((value as PinnedBytes).length, hasWaited);
    return value;
  }
}
