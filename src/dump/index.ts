export { MOST_TAGS } from './catalogue.js';
export type { Dump, LostReason } from './dump.js';
export { DumpStore } from './dump-store.js';
export type { DumpSummary, StoreEvent, StoreUsage } from './dump-store.js';
export type { HandedDump } from './handed-dump.js';
export { readDirectory } from './header.js';
