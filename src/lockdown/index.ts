export * from './gate.js';
export * from './level.js';
export * from './discreet-log.js';
export * from './open-gate.js';
