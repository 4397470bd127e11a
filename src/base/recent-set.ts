/** The keys added last, as many as fit. */
export class RecentSet<Key> {
  readonly #most: number;
  readonly #keys = new Set<Key>();

  constructor(most: number) {
    this.#most = most;
  }

  has(key: Key): boolean {
    return this.#keys.has(key);
  }

  add(key: Key): void {
    this.#keys.delete(key);
    this.#keys.add(key);
    const [oldest] = this.#keys;
    if (this.#keys.size > this.#most && oldest !== undefined) this.#keys.delete(oldest);
  }

  delete(key: Key): void {
    this.#keys.delete(key);
  }

  clear(): void {
    this.#keys.clear();
  }
}
