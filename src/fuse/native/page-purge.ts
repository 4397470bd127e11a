import type { Logger } from '../../base/log.js';
import { notifyInvalidateInode } from '../notification.js';
import { NOTHING_TO_FORGET } from '../notification-batch.js';
import type { FuseDevice } from './fuse-device.js';
import type { Node, NodeIds, NodeTable } from './node-table.js';
import type { ReadsInFlight } from './reads-in-flight.js';

interface Waiting {
  readonly done: Promise<void>;
  readonly resolve: () => void;
}

/**
 * Makes the kernel drop the pages of an inode, also those of open and mapped files.
 *
 * Pages are all that it keeps: names and attributes have a lifetime of zero on this transport.
 *
 * A notification waits in the kernel for the locks of pages that a read in flight will fill, and nothing can interrupt
 * it there: a process that is killed then never lets go of the FUSE device, and the mount hangs for good. So a purge is
 * held back until the reads of its inode are answered. What can go at a time goes together: at lockdown that is every inode.
 */
export class PagePurge {
  readonly #device: FuseDevice;
  readonly #nodes: NodeTable;
  readonly #reads: ReadsInFlight;
  readonly #log: Logger;
  readonly #queue = new Map<Node, Waiting>();
  #sending = false;

  constructor(device: FuseDevice, nodes: NodeTable, reads: ReadsInFlight, log: Logger) {
    this.#device = device;
    this.#nodes = nodes;
    this.#reads = reads;
    this.#log = log;
    reads.onIdle = () => this.#sendMore();
  }

  /** Resolves when the pages are gone, or the mount is. Never rejects. */
  purge(node: Node): Promise<void> {
    const { done } = this.#enqueue(node);
    this.#sendMore();
    return done;
  }

  /** Those of every node. @param first inodes that do not wait until all the rest is put together */
  purgeAll(first: readonly number[]): void {
    for (const ino of first) {
      const node = this.#nodes.byIno(ino);
      if (node !== undefined) this.#enqueue(node);
    }
    this.#sendMore();
    for (const node of this.#nodes) this.#enqueue(node);
    // By then reads that waited are answered, and theirs go first after all.
    setImmediate(() => this.#sendMore());
  }

  #enqueue(node: Node): Waiting {
    const queued = this.#queue.get(node);
    if (queued !== undefined) return queued;
    let resolve = (): void => undefined;
    const done = new Promise<void>((whenDone) => (resolve = whenDone));
    const waiting = { done, resolve };
    this.#queue.set(node, waiting);
    return waiting;
  }

  #sendMore(): void {
    if (this.#sending || this.#queue.size === 0) return;
    const ready = [...this.#queue].filter(([node]) => !this.#isRead(node));
    if (ready.length === 0) return;
    for (const [node] of ready) this.#queue.delete(node);
    this.#sending = true;
    void this.#send(ready.map(([node]) => this.#nodes.candidates(node))).then(() => {
      this.#sending = false;
      for (const [, waiting] of ready) waiting.resolve();
      this.#sendMore();
    });
  }

  /** Whether a read is in flight that may concern one of the numbers of a node. */
  #isRead(node: Node): boolean {
    const ids = this.#nodes.candidates(node);
    return this.#reads.inodes().some((ino) => {
      const other = this.#nodes.byIno(ino);
      return other === undefined || overlap(this.#nodes.candidates(other), ids);
    });
  }

  /** Other files behind candidate numbers lose their pages too; the filesystem is asked for them again. */
  async #send(ranges: readonly NodeIds[]): Promise<void> {
    // Nodes that share their candidates share all of them.
    const lastOf = new Map(ranges.map(({ first, last }) => [first, last]));
    const messages: Uint8Array[] = [];
    for (const [first, last] of lastOf)
      for (let id = first; id <= last; id++) messages.push(notifyInvalidateInode(id, 'pages'));
    try {
      const failures = await this.#device.notify(messages);
      const code = [...failures.values()].find((failure) => !NOTHING_TO_FORGET.has(failure));
      if (code !== undefined) throw new Error(`the kernel answers ${code}`);
    } catch (error) {
      this.#log.error('the kernel did not drop cached pages', { error });
    }
  }
}

function overlap(a: NodeIds, b: NodeIds): boolean {
  return a.first <= b.last && b.first <= a.last;
}
