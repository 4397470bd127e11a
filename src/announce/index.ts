export { Announcements, ERROR_LOG, PLATFORM_LOG, feedFor } from './announcements.js';
export type { RtasErrd } from './rtas-errd.js';
export { extractorWarning, lookAtRtasErrd, processesNamed } from './rtas-errd.js';
