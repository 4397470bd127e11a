import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseOptions } from '../../../src/cli/options/parse-options.js';
import { chooseSource } from '../../../src/cli/select-source.js';
import { SOURCES } from '../../../src/source/index.js';

const opalDir = mkdtempSync(join(tmpdir(), 'platdumpfs-opal-'));
afterAll(() => rmSync(opalDir, { recursive: true }));

const { settings } = parseOptions('mount', ['/mnt']);
const withOpal = { ...settings, opalDir };

test('chooseSource takes sim', () => {
  expect(chooseSource('sim', settings)).toMatchObject({
    source: { name: 'sim', isReal: false },
    passedOver: {},
  });
});

// The machine that runs these tests is none with such firmware; test/pseries/ is where the sources are found.
describe('on a machine without firmware for dumps', () => {
  test.each([
    { source: 'papr', path: '/dev/papr-platform-dump' },
    { source: 'librtas', path: '/proc/device-tree/rtas/ibm,platform-dump' },
    { source: 'opal', path: '/sys/firmware/opal/dump' },
    { source: 'auto', path: '/dev/papr-platform-dump' },
  ] as const)(
    'chooseSource($source) ends with status 3, names $path and mentions sim',
    ({ source, path }) => {
      const failing = (): unknown => chooseSource(source, settings);
      expect(failing).toThrow(`${path} does not exist`);
      expect(failing).toThrow('--source sim');
      expect(failing).toThrow(expect.objectContaining({ status: 3 }));
    },
  );

  test('chooseSource(opal) takes the directory that --opal-dir names', () => {
    expect(chooseSource('opal', withOpal)).toMatchObject({
      source: { name: 'opal', isReal: true },
      passedOver: {},
    });
  });

  test('chooseSource(auto) says why it passed over the better ones', () => {
    const { source, passedOver } = chooseSource('auto', withOpal);
    expect(source.name).toBe('opal');
    expect(passedOver['papr']).toMatch('/dev/papr-platform-dump');
    expect(passedOver['librtas']).toMatch('ibm,platform-dump');
  });
});

test('only simulated dumps are not real: for them the lockdown level may stay unknown', () => {
  expect(SOURCES.filter(({ isReal }) => !isReal).map(({ name }) => name)).toEqual(['sim']);
});
