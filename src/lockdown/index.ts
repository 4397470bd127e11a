export * from './gate.js';
export * from './level.js';
export * from './level-look.js';
export * from './open-gate.js';
