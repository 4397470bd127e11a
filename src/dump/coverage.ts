/** Which bytes of a dump were delivered to readers: the proof that `unlink` needs. */
export class Coverage {
  /** Disjoint, not touching, ascending: starts at even, ends at odd positions. */
  #edges: number[] = [];

  /** Starts and ends of what was delivered, in turn and ascending. */
  get edges(): readonly number[] {
    return this.#edges;
  }

  /** Bytes delivered at least once. */
  get total(): number {
    let sum = 0;
    for (let at = 0; at < this.#edges.length; at += 2) sum += this.#edge(at + 1) - this.#edge(at);
    return sum;
  }

  /** Adds [start, end). */
  add(start: number, end: number): void {
    if (end <= start) return;
    const last = this.#edges.length - 1;
    if (start === this.#edge(last)) {
      this.#edges[last] = end; // the sequential reader
      return;
    }
    const from = this.#firstEdgeAtOrAfter(start);
    const to = this.#firstEdgeAfter(end);
    // An odd index means inside (or at the end of) an interval, whose own edge then stays.
    const replacement = [...(from % 2 === 0 ? [start] : []), ...(to % 2 === 0 ? [end] : [])];
    this.#edges.splice(from, to - from, ...replacement);
  }

  /** True when every byte of [0, size) was delivered. */
  covers(size: number): boolean {
    return size === 0 || (this.#edge(0) === 0 && this.#edge(1) >= size);
  }

  clear(): void {
    this.#edges = [];
  }

  /** Infinity: there is none. */
  #edge(at: number): number {
    return this.#edges[at] ?? Infinity;
  }

  #firstEdgeAtOrAfter(value: number): number {
    return this.#bisect((edge) => edge >= value);
  }

  #firstEdgeAfter(value: number): number {
    return this.#bisect((edge) => edge > value);
  }

  #bisect(holds: (edge: number) => boolean): number {
    let low = 0;
    let high = this.#edges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(this.#edge(middle))) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
