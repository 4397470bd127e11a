export * from './source.js';
export * from './source-error.js';
