import { expect, test } from 'vitest';
import { integrityEffect } from '../../../../src/cli/mount/integrity-effect.js';

test.each([
  { source: 'papr', usesDevice: false, works: true },
  { source: 'opal', usesDevice: false, works: true },
  { source: 'sim', usesDevice: false, works: true },
  { source: 'librtas', usesDevice: true, works: true },
  { source: 'librtas', usesDevice: false, works: false },
] as const)(
  'integrityEffect($source) with the device $usesDevice: $works',
  ({ source, usesDevice, works }) => {
    expect(integrityEffect(source, usesDevice)).toMatchObject({ works });
  },
);
