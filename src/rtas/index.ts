export * from './librtas-codes.js';
export * from './ports.js';
export * from './status.js';
export * from './trace.js';
