/**
 * Bytes of a dump that stay valid until disposed: views of the block cache, not copies.
 *
 * Whoever receives them hands them on (to the kernel, to a native buffer), says so with `delivered`, and disposes.
 */
export interface PinnedBytes extends Disposable {
  readonly length: number;
  readonly segments: readonly Uint8Array[];
  /** Records that these bytes reached a reader. `unlink` needs that proof for every byte. */
  delivered(): void;
}
