export { AnswerCounts, countedFilesystem } from './counted.js';
export { DumpFilesystem } from './filesystem.js';
export { GuardedFilesystem } from './guarded.js';
export * from './operations.js';
export type { UnlinkPolicy } from './removal.js';
export { countSavedCopy } from './saved-copy.js';
export type { SavedCopy } from './saved-copy.js';
