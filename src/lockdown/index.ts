export * from './gate.js';
export * from './level.js';
export * from './open-gate.js';
