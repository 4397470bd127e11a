import { FsError } from '../../base/errno.js';
import type { Attributes, Filesystem, RequestContext } from '../../fs/index.js';
import { ROOT_INO } from '../../fs/index.js';
import type { Node, NodeTable } from './node-table.js';

/** An inode behind a path, for the time of one request. */
export interface Visited {
  readonly ino: number;
  /** Set when this can only be a lookup: the attributes that came with it, of possibly unknown size. */
  readonly firstSeen?: Attributes;
  /** Keeps the inode under its name until released. */
  hold(): HeldName;
}

/** A name with open handles: it stands for the inode that was opened until the last of them is closed. */
export interface HeldName {
  readonly ino: number;
  release(): void;
}

interface Held {
  /** Changes when libfuse hides the file. */
  name: string;
  readonly ino: number;
  handles: number;
}

/** What libfuse 2 renames an open file to that is unlinked: eight digits of node id, eight of a counter. */
const HIDDEN_NAME = /^\.fuse_hidden[0-9a-f]{16}$/;

/**
 * The only place that knows paths: the root or one name in it, resolved by a lookup for each request, which is given
 * back afterwards.
 *
 * libfuse addresses open files by path too and cannot tell two incarnations under one name apart. So while a name has
 * open handles it keeps standing for the inode that was opened, even when the dump behind it is gone and its tag has
 * come back: nobody opens or removes the new one before the last handle of the old one is closed.
 */
export class PathWalk {
  readonly #filesystem: Filesystem;
  readonly #nodes: NodeTable;
  readonly #dropPages: (node: Node) => Promise<void>;
  readonly #held = new Map<string, Held>();

  /** @param dropPages Makes the kernel forget the pages of a node; called before its name stands for another inode. */
  constructor(filesystem: Filesystem, nodes: NodeTable, dropPages: (node: Node) => Promise<void>) {
    this.#filesystem = filesystem;
    this.#nodes = nodes;
    this.#dropPages = dropPages;
  }

  async visit<T>(path: string, context: RequestContext, run: (inode: Visited) => T | Promise<T>): Promise<T> {
    const name = nameOf(path);
    if (name === '') return run({ ino: ROOT_INO, hold: () => this.#hold('', ROOT_INO, noop) });
    const node = this.#nodes.requested(name);
    const held = this.#held.get(name);
    if (held !== undefined) return run({ ino: held.ino, hold: () => this.#hold(name, held.ino, noop) });
    return this.#lookedUp(name, context, async (attributes, keep) => {
      const { ino } = attributes;
      const visited = { ino, hold: () => this.#hold(name, ino, keep) };
      if (node === undefined) return run({ ...visited, firstSeen: attributes });
      if (node.ino !== ino) {
        await this.#dropPages(node);
        this.#nodes.rebind(node, ino);
      }
      return run(visited);
    });
  }

  /** A first lookup is about to be answered. */
  met(path: string, ino: number): void {
    const name = nameOf(path);
    if (name !== '' && this.#nodes.requested(name) === undefined) this.#nodes.add(name, ino);
  }

  /** Removes a file without open handles. */
  async unlink(path: string, context: RequestContext): Promise<void> {
    const name = nameOf(path);
    // The last close of a file that was hidden below, where the filesystem was told already.
    if (HIDDEN_NAME.test(name)) return;
    await this.#filesystem.unlink(ROOT_INO, name, context);
    this.#nodes.remove(name);
  }

  /**
   * Removes a file with open handles: libfuse asks for a rename to a hidden name instead, goes on using that for the
   * open handles, and unlinks it when the last one is closed. Any other rename is refused.
   */
  async rename(from: string, to: string, context: RequestContext): Promise<void> {
    const [name, hidden] = [nameOf(from), nameOf(to)];
    const held = this.#held.get(name);
    if (held === undefined || !HIDDEN_NAME.test(hidden)) throw this.#filesystem.refuse('rename');
    if (!HIDDEN_NAME.test(name))
      await this.#lookedUp(name, context, async ({ ino }) => {
        if (ino !== held.ino) throw stale();
        await this.#filesystem.unlink(ROOT_INO, name, context);
      });
    this.#held.delete(name);
    held.name = hidden;
    this.#held.set(hidden, held);
    this.#nodes.move(name, hidden, nodeIdIn(hidden));
  }

  /** @param run Gets a function that keeps the lookup: it is given back otherwise. */
  async #lookedUp<T>(
    name: string,
    context: RequestContext,
    run: (attributes: Attributes, keep: () => void) => T | Promise<T>,
  ): Promise<T> {
    const { attributes } = await this.#filesystem.lookup(ROOT_INO, name, context);
    let giveBack = (): void => this.#filesystem.forget(attributes.ino, 1);
    try {
      return await run(attributes, () => void (giveBack = noop));
    } finally {
      giveBack();
    }
  }

  #hold(name: string, ino: number, keepLookup: () => void): HeldName {
    const held = this.#held.get(name) ?? { name, ino, handles: 0 };
    if (held.ino !== ino) throw stale();
    if (held.handles === 0) {
      this.#held.set(name, held);
      keepLookup();
    }
    held.handles += 1;
    return { ino, release: () => this.#release(held) };
  }

  #release(held: Held): void {
    held.handles -= 1;
    if (held.handles > 0) return;
    this.#held.delete(held.name);
    this.#filesystem.forget(held.ino, 1);
  }
}

/** Empty for the root. Deeper paths do not exist, since the root has no directories. */
function nameOf(path: string): string {
  return path.slice(1);
}

function nodeIdIn(hidden: string): number {
  return parseInt(hidden.slice('.fuse_hidden'.length, -8), 16);
}

function stale(): FsError {
  return new FsError('ESTALE', 'the name stands for another dump while an earlier one is still open');
}

function noop(): void {
  // Nothing to keep, since an open handle of the same name keeps it; or nothing to give back, since it is kept.
}
