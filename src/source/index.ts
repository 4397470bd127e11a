export * from './source.js';
export * from './source-error.js';
export { integrityEffect } from './source-definition.js';
export { FirmwareCells, FirmwareTally, countedDriver } from './firmware-tally.js';
export type { FirmwareCount } from './firmware-tally.js';
export type { AnySource } from './registry.js';
export { SOURCES, SOURCE_OPTIONS } from './registry.js';
