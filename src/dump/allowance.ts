/** So many of something that several may hold, whoever comes first. */
export class Allowance {
  #left: number;

  constructor(most: number) {
    this.#left = most;
  }

  /** False: all are taken. */
  take(): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    return true;
  }

  giveBack(): void {
    this.#left += 1;
  }
}
