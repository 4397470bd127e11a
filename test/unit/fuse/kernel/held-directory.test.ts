import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HeldDirectory } from '../../../../src/fuse/kernel/held-directory.js';

let above: string;
let path: string;

beforeEach(() => {
  above = realpathSync(mkdtempSync(join(tmpdir(), 'platdumpfs-held-')));
  path = join(above, 'mnt');
  mkdirSync(path);
});

afterEach(() => rmSync(above, { recursive: true }));

test('HeldDirectory stays with the directory that was looked at', () => {
  using held = new HeldDirectory(path);
  expect(held.path).toBe(path);
  renameSync(path, join(above, 'old'));
  symlinkSync('/', path);
  expect(held.path).toBe(join(above, 'old'));
});

test('HeldDirectory follows no link in the place of the directory', () => {
  renameSync(path, join(above, 'old'));
  symlinkSync('old', path);
  expect(() => new HeldDirectory(path)).toThrow(/cannot mount at .*mnt/);
});

test('HeldDirectory follows no link above it', () => {
  symlinkSync(above, join(above, 'link'));
  expect(() => new HeldDirectory(join(above, 'link', 'mnt'))).toThrow(/somebody moved it meanwhile/);
});

test('HeldDirectory takes directories only', () => {
  writeFileSync(join(above, 'file'), '');
  expect(() => new HeldDirectory(join(above, 'file'))).toThrow(/ENOTDIR/);
});
