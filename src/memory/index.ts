export { BLOCK_BYTES, NO_SLOT, slotViews } from './arena.js';
export { BlockCache, BlockOwner } from './block-cache.js';
export type { Block } from './block-cache.js';
export * from './budget.js';
export { PinnedRange } from './pinned-range.js';
export type { SpoolOptions } from './spool/spool.js';
export { Spool } from './spool/spool.js';
export { trySpoolDirectory } from './spool/spool-file.js';
export { SpooledBlocks } from './spooled-blocks.js';
