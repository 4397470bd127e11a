/** Candidates for a node id, both ends included. Nearly always a single number. */
export interface NodeIds {
  readonly first: number;
  readonly last: number;
}

/** A name that libfuse knows. */
export interface Node {
  /** The filesystem's inode that the name last stood for. */
  ino: number;
  readonly ids: NodeIds;
}

const FUSE_ROOT_ID = 1;

/**
 * Which numbers libfuse 2 gave to which names. The kernel knows inodes by these, and libfuse tells nobody.
 *
 * With `-o noforget` a name keeps its number for the life of the mount, unless it is unlinked or renamed, and each
 * name met for the first time gets the next number, from 2 on (libfuse 2.9 lib/fuse.c: `find_node`, `next_id`). Only a
 * lookup makes a name known; every lookup of a name comes by here. What remains unknown is the order in which two
 * lookups, answered at the same time, are numbered: those names share their candidates. A name is out of that race as
 * soon as the kernel asks for it again, since it has received the number then.
 */
export class NodeTable {
  readonly #byName = new Map<string, Node>();
  readonly #byIno = new Map<number, Node>();
  readonly #racing = new Set<string>();
  #group: { first: number; last: number } | undefined;
  #next = FUSE_ROOT_ID + 1;
  #trusted = true;

  /** To be asked at each request for a name, before it is answered. */
  requested(name: string): Node | undefined {
    this.#racing.delete(name);
    return this.#byName.get(name);
  }

  /** Nodes that libfuse knows by a name. */
  [Symbol.iterator](): Iterator<Node> {
    return this.#byName.values();
  }

  byIno(ino: number): Node | undefined {
    return this.#byIno.get(ino);
  }

  /** A name is about to be answered for the first time. */
  add(name: string, ino: number): void {
    const id = this.#next++;
    if (this.#group === undefined || this.#racing.size === 0) this.#group = { first: id, last: id };
    else this.#group.last = id;
    this.#racing.add(name);
    const node = { ino, ids: this.#group };
    this.#byName.set(name, node);
    this.#byIno.set(ino, node);
  }

  /** The name stands for another inode now; libfuse goes on with the same number. */
  rebind(node: Node, ino: number): void {
    if (this.#byIno.get(node.ino) === node) this.#byIno.delete(node.ino);
    node.ino = ino;
    this.#byIno.set(ino, node);
  }

  /**
   * libfuse renamed a node: it keeps its number, the old name gets a new one when it is met again.
   *
   * @param id The number that libfuse says it has. One that was not expected means that this model does not fit the
   *   library, and from then on every number is a candidate for every name.
   */
  move(from: string, to: string, id: number): void {
    const node = this.#byName.get(from);
    this.#forgetName(from);
    if (node === undefined) return;
    if (id < node.ids.first || id > node.ids.last) this.#trusted = false;
    this.#byName.set(to, node);
  }

  /** libfuse dropped a name: it gets a new number when it is met again. */
  remove(name: string): void {
    const node = this.#byName.get(name);
    this.#forgetName(name);
    if (node !== undefined && this.#byIno.get(node.ino) === node) this.#byIno.delete(node.ino);
  }

  candidates(node: Node): NodeIds {
    return this.#trusted ? node.ids : this.all();
  }

  /** Every number given so far. */
  all(): NodeIds {
    return { first: FUSE_ROOT_ID + 1, last: this.#next - 1 };
  }

  #forgetName(name: string): void {
    this.#byName.delete(name);
    this.#racing.delete(name);
  }
}
