/** Reads that are not answered yet, by inode: the kernel keeps the pages that they will fill locked. */
export class ReadsInFlight {
  readonly #counts = new Map<number, number>();
  #onIdle = (): void => undefined;

  /** @returns to be called when the read was answered */
  begin(ino: number): () => void {
    this.#counts.set(ino, (this.#counts.get(ino) ?? 0) + 1);
    return () => {
      const left = (this.#counts.get(ino) ?? 1) - 1;
      if (left > 0) {
        this.#counts.set(ino, left);
        return;
      }
      this.#counts.delete(ino);
      this.#onIdle();
    };
  }

  inodes(): number[] {
    return [...this.#counts.keys()];
  }

  /** Called when the last read of an inode was answered. */
  set onIdle(listener: () => void) {
    this.#onIdle = listener;
  }
}
