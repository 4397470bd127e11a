/** One block to move between the arena and a spool file. Sent in arrays, carried out in order, answered in arrays. */
export type SpoolCommand =
  /** Precedes everything else about a file. Once, because shared memory makes a message ten times as expensive. */
  | { readonly op: 'open'; readonly fd: number; readonly key: SharedArrayBuffer }
  | {
      readonly op: 'store' | 'load';
      readonly id: number;
      readonly fd: number;
      readonly slot: number;
      /** Offset in the dump, and in the file. */
      readonly offset: number;
      readonly length: number;
    }
  | { readonly op: 'close'; readonly fd: number }
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
