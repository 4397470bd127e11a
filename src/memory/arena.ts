/** Unit of caching, in bytes: small enough that a 1-byte dump wastes little, large enough that lists stay short. */
export const BLOCK_BYTES = 64 * 1024;

// Typed arrays in Node 20 end at 4 GiB, so the arena is cut into pieces far below that.
const SLAB_BYTES = 64 * 1024 * 1024;
const SLOTS_PER_SLAB = SLAB_BYTES / BLOCK_BYTES;

/** Slot number that stands for "read past these bytes, keep nothing". */
export const NO_SLOT = -1;

/**
 * All memory that ever holds dump bytes for longer than one call: fixed slots of `BLOCK_BYTES` in shared memory.
 *
 * Hands write firmware's bytes straight into a slot and the FUSE device takes them from there, so nothing
 * is copied between threads, nothing is left to the garbage collector, and wiping means overwriting this one area.
 */
export class Arena {
  readonly slabs: readonly SharedArrayBuffer[];
  readonly slots: number;
  readonly #views: readonly Uint8Array[];

  /** @param sizeBytes memory to hold, rounded down to whole blocks */
  constructor(sizeBytes: number) {
    this.slots = Math.floor(sizeBytes / BLOCK_BYTES);
    this.slabs = allocateSlabs(this.slots);
    this.#views = slotViews(this.slabs);
  }

  view(slot: number): Uint8Array {
    const view = this.#views[slot];
    if (view === undefined) throw new RangeError(`no slot ${slot} in an arena of ${this.slots}`);
    return view;
  }

  /** Overwrites one slot: what was in it is gone from memory. */
  wipe(slot: number): void {
    this.view(slot).fill(0);
  }
}

/** The slots of an arena as seen from a thread that was given its slabs. */
export function slotViews(slabs: readonly SharedArrayBuffer[]): Uint8Array[] {
  return slabs.flatMap((slab) =>
    Array.from(
      { length: slab.byteLength / BLOCK_BYTES },
      (_, slot) => new Uint8Array(slab, slot * BLOCK_BYTES, BLOCK_BYTES),
    ),
  );
}

function allocateSlabs(slots: number): SharedArrayBuffer[] {
  const slabs: SharedArrayBuffer[] = [];
  for (let left = slots; left > 0; left -= SLOTS_PER_SLAB)
    slabs.push(new SharedArrayBuffer(Math.min(left, SLOTS_PER_SLAB) * BLOCK_BYTES));
  return slabs;
}
