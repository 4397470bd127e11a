export { Announcements, ERROR_LOG, PLATFORM_LOG, feedFor } from './announcements/announcements.js';
export type { Announcement } from './announcements/announcement.js';
export type { RtasErrd } from './announcements/rtas-errd.js';
export { extractorWarning, lookAtRtasErrd, processesNamed } from './announcements/rtas-errd.js';
export type { Dump } from './dump.js';
export { DumpStore, openDumpStore } from './dump-store.js';
export type { DumpSummary, Prober, StoreEvent } from './dump-store.js';
export { readDirectory } from './header.js';
