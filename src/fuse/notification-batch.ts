/** Messages back to back, each with its length in its first word (`struct fuse_out_header`). */
export interface NotificationBatch {
  readonly id: number;
  readonly fd: number;
  readonly bytes: Uint8Array;
}

/** What the kernel made of a batch. */
export interface NotificationAnswer {
  readonly id: number;
  /** Errno names by the message's place in the batch; those that are not there went well. */
  readonly failures: ReadonlyMap<number, string>;
}

/** Stands for messages that were not sent, since the descriptor is not the FUSE device any more. */
export const CLOSED = 'EBADF';

/** The kernel does not know the inode or the name; the connection is over. */
export const NOTHING_TO_FORGET: ReadonlySet<string> = new Set(['ENOENT', 'ENODEV', CLOSED]);
