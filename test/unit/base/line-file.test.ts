import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LineFile } from '../../../src/base/line-file.js';

let directory: string;
let path: string;
let told: unknown[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'platdumpfs-lines-'));
  path = join(directory, 'lines');
  told = [];
});

afterEach(() => rmSync(directory, { recursive: true }));

function open(file = path): LineFile {
  return new LineFile(file, (line, lost) => `${lost} are missing\n${line}`, {
    onTrouble: (reason) => told.push(reason),
    onRecovery: (lost) => told.push(lost),
  });
}

describe('LineFile', () => {
  test('says in one line what is wrong with the place', () => {
    expect(() => open(join(directory, 'missing', 'lines'))).toThrow('ENOENT');
    mkdirSync(join(directory, 'd'));
    expect(() => open(join(directory, 'd'))).toThrow('EISDIR');
  });

  test('appends to a file that only its owner reads', () => {
    for (const line of ['one', 'two']) {
      using file = open();
      file.append(line);
    }
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('says how many are missing before the next line', () => {
    using file = open();
    file.append('one');
    file.addLost(7);
    file.append('two');
    file.append('three');
    expect(readFileSync(path, 'utf8')).toBe('one\n7 are missing\ntwo\nthree\n');
    expect(told).toEqual([7]);
  });

  test('makes a new file once it is told that the old one was moved away', () => {
    using file = open();
    renameSync(path, `${path}.1`);
    file.append('old');
    file.reopen();
    file.append('new');
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('old\n');
    expect(readFileSync(path, 'utf8')).toBe('new\n');
  });

  test('follows no link, and keeps the file that it has', () => {
    using file = open();
    renameSync(path, `${path}.1`);
    symlinkSync('/etc/passwd', path);
    expect(() => file.reopen()).toThrow('ELOOP');
    file.append('text');
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('text\n');
    expect(() => open()).toThrow('ELOOP');
    unlinkSync(path);
  });
});
