export * from './source.js';
export * from './source-error.js';
export { librtasDriver } from './librtas-cursor.js';
export { paprDriver } from './papr-cursor.js';
export { openSimSource } from './sim-source.js';
export type { SimSourceOptions } from './sim-source.js';
