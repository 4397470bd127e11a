export type { Dump } from './dump.js';
export { DumpStore, openDumpStore } from './dump-store.js';
export type { DumpSummary, StoreEvent, StoreUsage } from './dump-store.js';
export { readDirectory } from './header.js';
