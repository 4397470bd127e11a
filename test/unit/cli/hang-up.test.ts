import { expect, test } from 'vitest';
import { endingSignals } from '../../../src/cli/hang-up.js';

test.each([
  { env: {}, signals: ['SIGINT', 'SIGTERM', 'SIGHUP'] },
  { env: { PLATDUMPFS_IGNORES_SIGHUP: 'yes' }, signals: ['SIGINT', 'SIGTERM'] },
])('endingSignals with $env are $signals', ({ env, signals }) => {
  expect(endingSignals(env)).toEqual(signals);
});
