export { createFilesystem, DumpFilesystem } from './filesystem.js';
export * from './operations.js';
export type { UnlinkPolicy } from './removal.js';
