/** One block to move between the arena and a spool file. Sent in arrays, carried out in order, answered in arrays. */
export type SpoolCommand =
  /** Precedes everything else about a dump. Once, because shared memory makes a message ten times as expensive. */
  | { readonly op: 'open'; readonly dump: number; readonly fd: number; readonly key: SharedArrayBuffer }
  | {
      readonly op: 'store' | 'load';
      readonly id: number;
      readonly dump: number;
      readonly slot: number;
      /** Where it is in the file. */
      readonly position: number;
      /** Where it is in the dump. */
      readonly offset: number;
      readonly length: number;
    }
  | { readonly op: 'close'; readonly dump: number }
  /** No dump has anything there any more. */
  | { readonly op: 'close-file'; readonly fd: number }
  /** The last one. */
  | { readonly op: 'end' };

export type SpoolMove = Extract<SpoolCommand, { op: 'store' | 'load' }>;

export interface SpoolAnswer {
  readonly id: number;
  /** Why it failed, in one line; undefined: done. */
  readonly error?: string;
}

export interface SpoolThreadData {
  readonly slabs: readonly SharedArrayBuffer[];
}
