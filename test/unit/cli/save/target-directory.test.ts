import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { giveName, isInMemory, isNameOf } from '../../../../src/cli/save/target-directory.js';

vi.mock('node:fs/promises', { spy: true });

let directory: string;
let partial: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'platdumpfs-save-'));
  partial = join(directory, 'partial');
  path = join(directory, 'name');
  writeFileSync(partial, 'dump');
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true });
});

function failing(call: 'link' | 'rename', code: string): void {
  vi.mocked(fs[call]).mockRejectedValue(Object.assign(new Error(code), { code }));
}

describe.each([{ links: 'with' }, { links: 'without' }])('giveName $links hard links', ({ links }) => {
  beforeEach(() => {
    if (links === 'without') failing('link', 'EPERM');
  });

  test('names a file', async () => {
    expect(await giveName(partial, path)).toBe(true);
    expect(readdirSync(directory)).toEqual(['name']);
    expect(readFileSync(path, 'utf8')).toBe('dump');
  });

  test('overwrites nothing', async () => {
    writeFileSync(path, 'precious');
    expect(await giveName(partial, path)).toBe(false);
    expect(readFileSync(path, 'utf8')).toBe('precious');
    expect(existsSync(partial)).toBe(true);
  });
});

test('giveName leaves no empty file where renaming fails', async () => {
  failing('link', 'EOPNOTSUPP');
  failing('rename', 'EIO');
  await expect(giveName(partial, path)).rejects.toThrow('EIO');
  expect(readdirSync(directory)).toEqual(['partial']);
});

test('giveName says what else is wrong', async () => {
  failing('link', 'EROFS');
  await expect(giveName(partial, path)).rejects.toThrow('EROFS');
});

test('isNameOf tells a file from whatever else is at its path', async () => {
  await using file = await fs.open(partial, 'r');
  linkSync(partial, path);
  expect([await isNameOf(partial, file), await isNameOf(path, file)]).toEqual([true, true]);
  rmSync(path);
  expect(await isNameOf(path, file)).toBe(false);
  copyFileSync(partial, path);
  expect(await isNameOf(path, file)).toBe(false);
  rmSync(path);
  symlinkSync(partial, path);
  expect(await isNameOf(path, file)).toBe(false);
});

test('isInMemory knows tmpfs', async () => {
  expect(await isInMemory('/dev/shm')).toBe(true);
  expect(await isInMemory('/proc')).toBe(false);
});
