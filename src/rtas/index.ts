export * from './librtas-codes.js';
export * from './ports.js';
export * from './status.js';
export * from './trace.js';
export { dumpNotices } from './events/dump-notices.js';
export { MAX_RECORD_BYTES, readErrorLogRecord } from './events/error-log-record.js';
export { EventText } from './events/event-text.js';
