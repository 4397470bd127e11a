import type { Logger } from '../../base/log.js';
import { notifyInvalidateInode } from '../notification.js';
import type { FuseDevice } from './fuse-device.js';
import type { Node, NodeIds, NodeTable } from './node-table.js';

/**
 * Makes the kernel drop the pages of an inode, also those of open and mapped files.
 *
 * Pages are all that it keeps: names and attributes have a lifetime of zero on this transport. One notification is
 * under way at a time, so that the purge takes at most one thread of libuv's pool.
 */
export class PagePurge {
  readonly #device: FuseDevice;
  readonly #nodes: NodeTable;
  readonly #log: Logger;
  #last: Promise<unknown> = Promise.resolve();

  constructor(device: FuseDevice, nodes: NodeTable, log: Logger) {
    this.#device = device;
    this.#nodes = nodes;
    this.#log = log;
  }

  /** Resolves when the pages are gone, or the mount is. Never rejects. */
  purge(node: Node): Promise<void> {
    const turn = this.#last.then(() => this.#purge(node)).catch((error: unknown) => this.#failed(error));
    this.#last = turn;
    return turn;
  }

  async #purge(node: Node): Promise<void> {
    if (await this.#notify(this.#nodes.candidates(node))) return;
    // The kernel knows no such number: either it has dropped the inode already, or the table is wrong about it.
    await this.#notify(this.#nodes.all());
  }

  /** Other files behind candidate numbers lose their pages too; the filesystem is asked for them again. */
  async #notify(ids: NodeIds): Promise<boolean> {
    let found = false;
    for (let id = ids.first; id <= ids.last; id++) {
      const written = await this.#device.notify(notifyInvalidateInode(id, 'pages'));
      if (written === 'closed') return true;
      found ||= written === 'done';
    }
    return found;
  }

  #failed(error: unknown): void {
    this.#log.error('the kernel did not drop cached pages', { error });
  }
}
