export { AnswerCounts, countedFilesystem } from './counted.js';
export { GuardedFilesystem } from './guarded.js';
export * from './api.js';
export type { UnlinkPolicy } from './removal.js';
export { countSavedCopy } from './saved-copy.js';
export type { SavedCopy } from './saved-copy.js';
export { handedHandle, inoOfSerial } from './inode-table.js';
export type { HandedHandle } from './inode-table.js';
export { Volume } from './volume.js';
