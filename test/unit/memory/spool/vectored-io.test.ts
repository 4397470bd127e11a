import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readAll, writeAll } from '../../../../src/memory/spool/vectored-io.js';

let directory: string;
let fd: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'platdumpfs-vectored-'));
  fd = openSync(join(directory, 'file'), 'w+');
});
afterEach(() => {
  closeSync(fd);
  rmSync(directory, { recursive: true });
});

test('writeAll and readAll move parts of any length, at a position', () => {
  const parts = ['ab', '', 'cde', 'f'].map((text) => Buffer.from(text));
  writeAll(fd, parts, 3);
  expect(readFileSync(join(directory, 'file'), 'latin1')).toBe('\0\0\0abcdef');
  const back = [Buffer.alloc(1), Buffer.alloc(5)];
  readAll(fd, back, 3);
  expect(back.map(String)).toEqual(['a', 'bcdef']);
});

test('readAll says where the file ends too early', () => {
  writeAll(fd, [Buffer.from('abc')], 0);
  expect(() => readAll(fd, [Buffer.alloc(2), Buffer.alloc(2)], 0)).toThrow('the spool file ends at 3');
});
