import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findLibrtas, prefersDevice } from '../../../../src/source/librtas/librtas-library.js';

const dir = mkdtempSync(join(tmpdir(), 'platdumpfs-librtas-'));
afterAll(() => rmSync(dir, { recursive: true }));

function library(name: string, text: string): string {
  mkdirSync(join(dir, name));
  writeFileSync(
    join(dir, name, 'librtas.so.2'),
    Buffer.from(`\x7fELF\0${text}\0ibm,platform-dump\0`, 'latin1'),
  );
  return join(dir, name);
}

const old = library('old', '/proc/ppc64/rtas');
const recent = library('recent', '/dev/papr-platform-dump');

test('findLibrtas takes the first directory that has one', () => {
  expect(findLibrtas(['/nonexistent', recent, old])).toBe(join(recent, 'librtas.so.2'));
  expect(findLibrtas(['/nonexistent'])).toBeUndefined();
});

test('prefersDevice tells a librtas that goes through the device by the path in it', () => {
  expect(prefersDevice(join(old, 'librtas.so.2'))).toBe(false);
  expect(prefersDevice(join(recent, 'librtas.so.2'))).toBe(true);
});
