export type { KnownBytes } from './fingerprint.js';
export { BEGINNING_BYTES } from './fingerprint.js';
export { Handles } from './handles.js';
export type { Hand, HandLife } from './hand.js';
export { HandWorker } from './hand.js';
export type { Progress } from './pending-reads.js';
export { Pool } from './pool.js';
export { Transfer } from './transfer.js';
export type { TransferOwner, TransferParts } from './transfer.js';
