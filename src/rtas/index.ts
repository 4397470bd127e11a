export * from './ports.js';
export * from './status.js';
export * from './trace.js';
