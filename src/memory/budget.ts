import { BLOCK_BYTES } from './arena.js';

/** Largest read that a reader may ask for at once, in bytes. Transports negotiate their requests down to it. */
export const MAX_READ_BYTES = 1024 * 1024;

/** Blocks that an unaligned read of `MAX_READ_BYTES` can touch. */
const BLOCKS_PER_READ = 17;
/** Blocks handed to a thread at once. 512 KiB is 128 calls: long enough to hide the hand-over. */
export const BATCH_BLOCKS = 8;
/** Batches a thread holds: it must find the next one when it ends one, or firmware idles. */
export const BATCHES_IN_FLIGHT = 2;
const IN_FLIGHT_BLOCKS = BATCH_BLOCKS * BATCHES_IN_FLIGHT;

const MIB = 1024 * 1024;
/** What the process takes without its cache, and what each thread takes: measured, and rounded up. */
const PROCESS_BYTES = 60 * MIB;
const HAND_BYTES = 10 * MIB;

const FEWEST_HANDS = 2;
/** Firmware serves one call at a time. More threads only help where calls are slow, or do not return. */
const MOST_HANDS = 32;
/**
 * Of the 64 work areas that the kernel has for all PAPR interfaces of a machine: whoever opens one more sleeps in the kernel,
 * with the driver's lock, until another is closed. Half of them leaves room for a second mount and for other programs.
 */
const MOST_PASSES = 32;
/** 8 MiB: a fifth of a second of a fast firmware, in which no reader has to be heard. */
const MOST_AHEAD_BLOCKS = 128;

/**
 * How the slots of the arena are shared out. What may be pinned adds up to the arena at most, so that a stalled dump
 * never takes a slot that another one needs.
 */
export interface Budget {
  /** Threads that make firmware calls, each for one dump at a time. */
  readonly hands: number;
  /** Passes that may be open: a firmware handle, and the block in which the pass stands. */
  readonly passes: number;
  /** Blocks pinned for reads that wait, for each dump that has a thread. At least one read always fits. */
  readonly readBlocks: number;
  /** Blocks fetched ahead of a sequential reader, while so many dumps are in transfer: the fewer, the more for each. */
  readonly aheadBlocks: (inTransfer: number) => number;
}

/** Blocks that may be on their way to the spool, over all dumps, out of so many slots. */
export function spoolBacklogBlocks(slots: number): number {
  return Math.min(64, Math.floor(slots / 8));
}

/** A thread with its read, and two passes that are open. */
const SLOTS_PER_HAND = IN_FLIGHT_BLOCKS + BLOCKS_PER_READ + 2;

/**
 * Smallest number of slots with which two dumps make progress.
 *
 * @internal
 */
export const MIN_SLOTS = FEWEST_HANDS * SLOTS_PER_HAND;

/**
 * @param limitBytes memory that the process may take, where that is limited: threads that are started in the place of stuck
 *   ones must not be what ends it
 */
export function budgetFor(slots: number, limitBytes = Infinity): Budget {
  const left = Math.max(0, limitBytes - PROCESS_BYTES - slots * BLOCK_BYTES);
  const most = Math.min(Math.floor(slots / SLOTS_PER_HAND), Math.floor(left / HAND_BYTES));
  const hands = clamp(most, FEWEST_HANDS, MOST_HANDS);
  const passes = clamp(slots - hands * (IN_FLIGHT_BLOCKS + BLOCKS_PER_READ), 2 * FEWEST_HANDS, MOST_PASSES);
  return {
    hands,
    passes,
    readBlocks: Math.max(BLOCKS_PER_READ, Math.floor((slots - passes) / hands) - IN_FLIGHT_BLOCKS),
    aheadBlocks: (inTransfer) => {
      const own = Math.floor(slots / clamp(inTransfer, 1, hands)) - IN_FLIGHT_BLOCKS;
      return clamp(own - Math.max(BLOCKS_PER_READ, Math.floor(own / 2)), 1, MOST_AHEAD_BLOCKS);
    },
  };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
