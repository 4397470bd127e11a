import { status } from '@grpc/grpc-js';
import { Refusal } from './refusal.js';

/** One operation on a target at a time: with one volume there is one target. */
export class InTurn {
  readonly #pending = new Set<string>();

  /** @throws Refusal ABORTED while another operation on the target is under way: kubelet tries again */
  async run<T>(target: string, operation: () => Promise<T>): Promise<T> {
    if (this.#pending.has(target))
      throw new Refusal(status.ABORTED, `an operation on ${target} is under way`);
    this.#pending.add(target);
    try {
      return await operation();
    } finally {
      this.#pending.delete(target);
    }
  }
}
