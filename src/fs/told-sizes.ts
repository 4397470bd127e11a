/** How long a thread may take to hand an answer that it has received to the kernel's inode, on a busy machine. */
export const SETTLE_MS = 1000;

/** Enough for those who look at a dump within a second; more are taken together. */
const MOST = 8;

interface Telling {
  readonly order: number;
  /** What the inode's size becomes by it. */
  readonly size: number;
  /** An answer to READ that showed an end. */
  readonly isEnd: boolean;
  /** Thread that was answered; 0: not known. */
  readonly tid: number;
  readonly atMs: number;
}

/** The moment in which a READ arrived. */
export interface Arrival {
  readonly order: number;
  readonly tid: number;
  readonly atMs: number;
}

/**
 * What the kernel was told about one inode's size, and perhaps has not taken in yet.
 *
 * The kernel takes an answer to READ that is shorter than asked for as the end of the file, and makes that the inode's
 * size; but only while nothing else has changed the inode since it sent the READ (fuse_read_update_size): the answer to a
 * lookup or a stat(2), a notification, another end further behind. Otherwise it fills up with zeros to the size that it
 * believes in, and the reader gets them. So such an answer may go out only if all that was told before had been taken in
 * when the kernel sent the READ.
 *
 * Nobody says when an answer is taken in. A thread does it before it asks for anything else, and every thread is given
 * `SETTLE_MS` for it.
 */
export class ToldSizes {
  readonly #now: () => number;
  #tellings: readonly Telling[] = [];
  #order = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** @param tid the thread that is answered; 0: not known, or a notification */
  tell(size: number, tid: number, isEnd = false): void {
    const telling = { order: ++this.#order, size, isEnd, tid, atMs: this.#now() };
    const others = this.#tellings.filter((earlier) => tid === 0 || earlier.tid !== tid);
    const [oldest, ...rest] = others;
    if (oldest === undefined || others.length < MOST) this.#tellings = [...others, telling];
    else this.#tellings = [...rest, together(oldest, telling)];
  }

  arrival(tid: number): Arrival {
    return { order: this.#order, tid, atMs: this.#now() };
  }

  /**
   * Milliseconds until the kernel has taken in all that stands against an answer that says "the file ends at `end`" from
   * `offset` on; undefined: nothing does.
   */
  settlesIn(read: Arrival, offset: number, end: number): number | undefined {
    // Answered from behind the end, the kernel would take `offset` for the size: never before others know the true end.
    const against = this.#tellings.filter(
      ({ size, isEnd }) => size > Math.max(offset, end) || (isEnd && offset > end),
    );
    const open = against.filter(
      ({ order, tid, atMs }) =>
        order > read.order || (atMs + SETTLE_MS > read.atMs && (tid === 0 || tid !== read.tid)),
    );
    if (open.length === 0) return undefined;
    return Math.max(0, ...open.map(({ atMs }) => atMs + SETTLE_MS - this.#now()));
  }
}

function together(one: Telling, other: Telling): Telling {
  return { ...other, size: Math.max(one.size, other.size), isEnd: one.isEnd || other.isEnd, tid: 0 };
}
