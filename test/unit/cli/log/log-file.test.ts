import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LogFile } from '../../../../src/cli/log/log-file.js';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'platdumpfs-log-'));
  path = join(directory, 'log');
});

afterEach(() => rmSync(directory, { recursive: true }));

describe('LogFile', () => {
  test('appends to a file that only its owner reads', () => {
    for (const text of ['one\n', 'two\n']) {
      const file = new LogFile(path, false);
      file.write(text);
      file.close();
    }
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('begins each line of text with the time', () => {
    const file = new LogFile(path, true);
    file.write('one\ntwo\n');
    file.close();
    expect(readFileSync(path, 'utf8')).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z one\n\d{4}-\d\d-\d\dT[\d:.]+Z two\n$/,
    );
  });

  test('makes a new file once it is told that the old one was moved away', () => {
    const file = new LogFile(path, false);
    renameSync(path, `${path}.1`);
    file.write('old\n');
    file.reopen();
    file.write('new\n');
    file.close();
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('old\n');
    expect(readFileSync(path, 'utf8')).toBe('new\n');
  });

  test('follows no link, and keeps the file that it has', () => {
    const file = new LogFile(path, false);
    unlinkSync(path);
    symlinkSync('/etc/passwd', path);
    expect(() => file.reopen()).toThrow('ELOOP');
    expect(() => file.write('text\n')).not.toThrow();
    file.close();
    expect(() => new LogFile(path, false)).toThrow('ELOOP');
  });
});
