export * from './discreet-log.js';
export * from './gate.js';
export * from './level.js';
export * from './open-gate.js';
export * from './policy.js';
export * from './rise.js';
