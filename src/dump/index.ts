export type { Dump, LostReason } from './dump.js';
export { DumpStore, openDumpStore } from './dump-store.js';
export type { DumpSummary, StoreEvent, StoreUsage } from './dump-store.js';
export type { HandedDump } from './handed-dump.js';
export { readDirectory } from './header.js';
