export { Announcements, ERROR_LOG, PLATFORM_LOG } from './announcements/announcements.js';
export type { AnnouncementsOptions } from './announcements/announcements.js';
export type { Announcement } from './announcements/announcement.js';
export { extractorWarning, lookAtRtasErrd, processesNamed } from './announcements/rtas-errd.js';
export type { Dump, DumpSize, DumpState, LostReason, SizeOrigin } from './dump.js';
export { DumpStore, MIN_CACHE_BYTES, openDumpStore } from './dump-store.js';
export type { DumpStoreOptions, DumpSummary, StoreEvent } from './dump-store.js';
export { MAX_READ_BYTES } from './quota.js';
