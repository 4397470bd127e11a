import type { status } from '@grpc/grpc-js';

/** A call that is answered with a gRPC code; the message is for whoever reads the events of the pod. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}
