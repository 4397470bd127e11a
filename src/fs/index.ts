export { createFilesystem, DumpFilesystem } from './filesystem.js';
export type { FilesystemOptions } from './filesystem.js';
export * from './operations.js';
export type { UnlinkPolicy } from './removal.js';
