import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../../../../src/base/log.js';
import { raiseReadAhead } from '../../../../src/fuse/kernel/read-ahead.js';

let sysfs: string;
let file: string;
let lines: string[];
const log = createLogger({ level: 'debug', format: 'text', write: (line) => lines.push(line) });

beforeEach(() => {
  sysfs = mkdtempSync(join(tmpdir(), 'platdumpfs-sysfs-'));
  mkdirSync(join(sysfs, 'class/bdi/0:45'), { recursive: true });
  file = join(sysfs, 'class/bdi/0:45/read_ahead_kb');
  lines = [];
});
afterEach(() => rmSync(sysfs, { recursive: true }));

test.each([
  { was: '128', becomes: '1024' },
  { was: '0', becomes: '1024' },
  { was: '4096', becomes: '4096' },
])('raiseReadAhead makes $becomes KiB of $was and says so', ({ was, becomes }) => {
  writeFileSync(file, `${was}\n`);
  raiseReadAhead(45, log, sysfs);
  expect(readFileSync(file, 'utf8').trim()).toBe(becomes);
  expect(lines).toEqual([`platdumpfs: info: read-ahead of the kernel kib=${becomes}\n`]);
});

test('raiseReadAhead leaves it where it cannot be changed, and says why', () => {
  raiseReadAhead(45, log, sysfs);
  expect(lines).toEqual(['platdumpfs: info: read-ahead of the kernel stays as it is why=ENOENT\n']);
});

test('raiseReadAhead does nothing for a mount whose device is not known', () => {
  raiseReadAhead(undefined, log, sysfs);
  expect(lines).toEqual([]);
});
