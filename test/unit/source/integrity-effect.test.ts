import { expect, test } from 'vitest';
import { SOURCES, integrityEffect } from '../../../src/source/index.js';
import { librtasAtIntegrity } from '../../../src/source/librtas/definition.js';

test.each(SOURCES.filter(({ name }) => name !== 'librtas'))('integrityEffect($name): works', (source) => {
  expect(integrityEffect(source)).toEqual({
    works: true,
    text: `source ${source.name} works as without lockdown`,
  });
});

test.each([
  { usesDevice: true, works: true },
  { usesDevice: false, works: false },
])('librtas at integrity, with the device $usesDevice: $works', ({ usesDevice, works }) => {
  expect(librtasAtIntegrity(usesDevice)).toMatchObject({ works });
});
