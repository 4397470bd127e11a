/** One block to move between the arena and a spool file. Carried out in order. */
export type SpoolCommand =
  | {
      readonly op: 'store' | 'load';
      readonly id: number;
      readonly fd: number;
      readonly key: SharedArrayBuffer;
      readonly slot: number;
      /** Offset in the dump, and in the file. */
      readonly offset: number;
      readonly length: number;
    }
  | { readonly op: 'close'; readonly fd: number };

export interface SpoolAnswer {
  readonly id: number;
  /** Why it failed, in one line; undefined: done. */
  readonly error?: string;
}

export interface SpoolThreadData {
  readonly slabs: readonly SharedArrayBuffer[];
}
