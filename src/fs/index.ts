export { DumpFilesystem } from './filesystem.js';
export { GuardedFilesystem } from './guarded.js';
export * from './operations.js';
export type { UnlinkPolicy } from './removal.js';
