import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { headerText } from '../../../../src/cli/mount/handed-mount.js';
import { takeHandoverFile } from '../../../../src/cli/mount/handover-file.js';

const HEADER = headerText({
  name: 'mine',
  madeWith: '["/mnt"]',
  unlink: 'delivered',
  mountpoint: '/mnt',
  mountId: 47,
  mountedAtMs: 1_700_000_000_000.5,
  generation: 1,
  isEnded: true,
});

/** @returns the path of a file with that text */
function left(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'platdumpfs-left-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'mount.takeover');
  writeFileSync(path, text);
  return path;
}

test('what was written for this process is taken, and nothing is left', () => {
  const path = left(HEADER);
  expect(takeHandoverFile(path, 'mine').mountpoint).toBe('/mnt');
  expect(existsSync(path)).toBe(false);
});

test('what was written for another process is left to it', () => {
  const path = left(HEADER);
  expect(() => takeHandoverFile(path, 'of another')).toThrow('another process goes on with it');
  expect(existsSync(path)).toBe(true);
});

test('of what cannot be read nothing is left', () => {
  const path = left('{}\n');
  expect(() => takeHandoverFile(path, 'mine')).toThrow();
  expect(existsSync(path)).toBe(false);
});
