import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openPrivateAppend } from '../../../src/base/private-file.js';

const directory = mkdtempSync(join(tmpdir(), 'platdumpfs-private-'));
afterAll(() => rmSync(directory, { recursive: true }));
const isRoot = process.geteuid?.() === 0;

describe('openPrivateAppend', () => {
  test('makes a file for its owner alone, whatever the umask is', () => {
    const path = join(directory, 'new');
    const before = process.umask(0);
    try {
      closeSync(openPrivateAppend(path));
    } finally {
      process.umask(before);
    }
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('appends to a file that is there, and takes it from others', () => {
    const path = join(directory, 'old');
    writeFileSync(path, 'one\n');
    chmodSync(path, 0o666);
    const fd = openPrivateAppend(path);
    writeSync(fd, 'two\n');
    closeSync(fd);
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  const victim = join(directory, 'victim');
  const prepared: readonly { what: string; make: (path: string) => void; says: string }[] = [
    { what: 'a link', make: (path) => symlinkSync(victim, path), says: 'ELOOP' },
    { what: 'a second name', make: (path) => linkSync(victim, path), says: 'more than one name' },
    { what: 'a directory', make: (path) => mkdirSync(path), says: 'EISDIR' },
    // Nobody reads from it: to open it for writing would wait for somebody who does.
    { what: 'a FIFO', make: (path) => execFileSync('mkfifo', [path]), says: 'ENXIO' },
    { what: 'a device', make: (path) => symlinkSync('/dev/null', path), says: 'ELOOP' },
  ];
  test.each(prepared)('refuses $what at once and leaves it as it is', ({ what, make, says }) => {
    writeFileSync(victim, 'keep\n', { mode: 0o644 });
    const path = join(directory, what.replaceAll(' ', '-'));
    make(path);
    expect(() => openPrivateAppend(path)).toThrow(says);
    expect(readFileSync(victim, 'utf8')).toBe('keep\n');
    expect(statSync(victim).mode & 0o777).toBe(0o644);
  });

  test.skipIf(!isRoot)("refuses another user's file (skipped unless root)", () => {
    const path = join(directory, 'foreign');
    writeFileSync(path, '');
    chownSync(path, 65534, 65534);
    expect(() => openPrivateAppend(path)).toThrow('belongs to another user');
  });
});
