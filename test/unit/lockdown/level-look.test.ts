import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LevelLook } from '../../../src/lockdown/index.js';

let directory: string;
let path: string;
const write = (text: string): void => writeFileSync(path, text);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'platdumpfs-look-'));
  path = join(directory, 'lockdown');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('LevelLook.isOpen', () => {
  test.each([
    { text: '[none] integrity confidentiality\n', open: true },
    { text: 'none [integrity] confidentiality\n', open: true },
    { text: 'none integrity [confidentiality]\n', open: false },
    { text: 'nonsense', open: false },
    { text: '', open: false },
  ])('is $open at $text', ({ text, open }) => {
    write(text);
    expect(new LevelLook({ path, absentForMs: undefined }).isOpen()).toBe(open);
  });

  test('follows the file, also one that is put in its place', () => {
    write('[none] integrity confidentiality\n');
    const look = new LevelLook({ path, absentForMs: undefined });
    expect(look.isOpen()).toBe(true);
    writeFileSync(`${path}.new`, 'none integrity [confidentiality]\n');
    renameSync(`${path}.new`, path);
    expect(look.isOpen()).toBe(false);
  });

  test('is false where the file has to be there and is not', () => {
    expect(new LevelLook({ path, absentForMs: undefined }).isOpen()).toBe(false);
  });

  test('where nothing was there: true until something appears, and never again', () => {
    const look = new LevelLook({ path, absentForMs: 0 });
    expect(look.isOpen()).toBe(true);
    write('[none] integrity confidentiality\n');
    expect(look.isOpen()).toBe(false);
    rmSync(path);
    expect(look.isOpen()).toBe(false);
  });

  test('does not look for what is not there more often than the gate', () => {
    const look = new LevelLook({ path, absentForMs: Infinity });
    expect(look.isOpen()).toBe(true);
    write('[none] integrity confidentiality\n');
    expect(look.isOpen()).toBe(true);
  });

  test('is true where the level is ignored', () => {
    expect(new LevelLook({ path: undefined, absentForMs: undefined }).isOpen()).toBe(true);
  });
});
