/** Exit statuses that scripts may rely on. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  noFirmwareInterface: 3,
  lockedDown: 4,
  couldNotMount: 5,
} as const;
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** A failure whose message is all that the user needs; no stack is shown. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly status: ExitStatus;

  constructor(status: ExitStatus, message: string) {
    super(message);
    this.status = status;
  }
}

/** The command line says something that cannot be meant. */
export function usageError(message: string): CommandError {
  return new CommandError(EXIT.usage, message);
}
