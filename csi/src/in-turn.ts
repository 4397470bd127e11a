import { status } from '@grpc/grpc-js';
import { Refusal } from './refusal.js';

/** One operation on a volume at a time, as the specification demands. */
export class InTurn {
  readonly #pending = new Set<string>();

  /** @throws Refusal ABORTED while another operation on the volume is under way: kubelet tries again */
  async run<T>(volume: string, operation: () => Promise<T>): Promise<T> {
    if (this.#pending.has(volume))
      throw new Refusal(status.ABORTED, `an operation on the volume ${volume} is under way`);
    this.#pending.add(volume);
    try {
      return await operation();
    } finally {
      this.#pending.delete(volume);
    }
  }
}
