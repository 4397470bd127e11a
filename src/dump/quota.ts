/** Largest read that a reader may ask for at once, in bytes. Transports negotiate their requests down to it. */
export const MAX_READ_BYTES = 1024 * 1024;

/** Blocks that an unaligned read of `MAX_READ_BYTES` can touch. */
const BLOCKS_PER_READ = 17;
/** Blocks handed to a pump thread at once. 512 KiB is 128 calls: long enough to hide the hand-over. */
export const BATCH_BLOCKS = 8;
/** Batches a pump thread holds: it must find the next one when it ends one, or firmware idles. */
export const BATCHES_IN_FLIGHT = 2;
const IN_FLIGHT_BLOCKS = BATCH_BLOCKS * BATCHES_IN_FLIGHT;

const MOST_PUMPS = 16;
const FEWEST_PUMPS = 2;
/** With these, half of the 64 work areas that the kernel has for all PAPR interfaces of a machine. */
const MOST_EXTRA_PUMPS = 16;
/** 8 MiB: a fifth of a second of a fast firmware, in which no reader has to be heard. */
const MOST_WINDOW_BLOCKS = 128;

/**
 * Slots that each pump may keep pinned. The quotas of all pumps add up to the arena at most, so that a stalled dump
 * with a full quota never takes a slot that another one needs.
 */
export interface PumpQuota {
  /** Dumps that may be in transfer at once: one firmware handle and one thread each. */
  readonly pumps: number;
  /** Further ones that may be while as many others are stuck in a firmware call that does not return. */
  readonly extraPumps: number;
  /** Blocks pinned for reads that wait. At least one read always fits. */
  readonly waiterBlocks: number;
  /** Blocks fetched ahead of a sequential reader, while so many dumps are in transfer: the fewer, the more for each. */
  readonly windowBlocks: (inTransfer: number) => number;
  /** Blocks fetched ahead that may be pinned, all pumps together. The others stay as long as there is room. */
  readonly pinnedWindowBlocks: number;
}

/** Blocks that may be on their way to the spool, over all dumps, out of so many slots. */
export function spoolBacklogBlocks(slots: number): number {
  return Math.min(64, Math.floor(slots / 8));
}

/** Smallest number of slots with which two pumps make progress. */
export const MIN_SLOTS = FEWEST_PUMPS * (IN_FLIGHT_BLOCKS + BLOCKS_PER_READ + 2);

export function pumpQuota(slots: number): PumpQuota {
  const all = clamp(
    Math.floor((slots * FEWEST_PUMPS) / MIN_SLOTS),
    FEWEST_PUMPS,
    MOST_PUMPS + MOST_EXTRA_PUMPS,
  );
  const pumps = Math.min(MOST_PUMPS, all);
  const waiterBlocks = halfFor(all);
  return {
    pumps,
    extraPumps: all - pumps,
    waiterBlocks,
    windowBlocks: (inTransfer) => {
      const sharers = clamp(inTransfer, 1, pumps);
      return clamp(ownBlocks(sharers) - halfFor(sharers), 1, MOST_WINDOW_BLOCKS);
    },
    pinnedWindowBlocks: Math.max(0, slots - all * (IN_FLIGHT_BLOCKS + waiterBlocks)),
  };

  function ownBlocks(sharers: number): number {
    return Math.floor(slots / sharers) - IN_FLIGHT_BLOCKS;
  }

  function halfFor(sharers: number): number {
    return Math.max(BLOCKS_PER_READ, Math.floor(ownBlocks(sharers) / 2));
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
