import { describe, expect, test } from 'vitest';
import type { Dump } from '../../../src/dump/index.js';
import { DirectoryTable } from '../../../src/fs/directory-table.js';
import { ROOT_INO } from '../../../src/fs/index.js';
import { inoOf } from '../../../src/fs/inode-table.js';
import { fakeDump } from './support/fake-dump.js';

const EBADF: unknown = expect.objectContaining({ code: 'EBADF' });

/** A table over a list of dumps that a test changes. */
function tableOf(count: number): { table: DirectoryTable; dumps: Dump[]; names: (fh: number) => string[] } {
  const dumps: Dump[] = Array.from({ length: count }, (_, at) => fakeDump(at + 1));
  const table = new DirectoryTable(() => dumps);
  return { table, dumps, names: (fh) => table.read(fh, 0).map(({ name }) => name) };
}

describe('DirectoryTable.read', () => {
  test('lists the dots, then each dump under its name', () => {
    const { table, dumps } = tableOf(2);
    expect(table.read(table.open(), 0)).toEqual([
      { name: '.', ino: ROOT_INO, isDirectory: true, nextOffset: 1 },
      { name: '..', ino: ROOT_INO, isDirectory: true, nextOffset: 2 },
      { name: '0x0000000200000001', ino: inoOf(dumps[0]!), isDirectory: false, nextOffset: 3 },
      { name: '0x0000000200000002', ino: inoOf(dumps[1]!), isDirectory: false, nextOffset: 4 },
    ]);
  });

  test('goes on behind any entry by its nextOffset, to the end', () => {
    const { table } = tableOf(50);
    const fh = table.open();
    const all = table.read(fh, 0);
    for (const [at, entry] of all.entries())
      expect(table.read(fh, entry.nextOffset)).toEqual(all.slice(at + 1));
    expect(table.read(fh, 1000)).toEqual([]);
  });

  test('shows one moment to a reader that goes on, and the next moment to one that starts afresh', () => {
    const { table, dumps, names } = tableOf(2);
    const fh = table.open();
    expect(names(fh)).toHaveLength(4);
    dumps.shift();
    dumps.push(fakeDump(3), fakeDump(4));
    expect(table.read(fh, 2).map(({ name }) => name)).toEqual(['0x0000000200000001', '0x0000000200000002']);
    expect(names(fh).slice(2)).toEqual(['0x0000000200000002', '0x0000000200000003', '0x0000000200000004']);
  });

  test('keeps open listings apart', () => {
    const { table, dumps, names } = tableOf(1);
    const [first, second] = [table.open(), table.open()];
    names(first);
    dumps.length = 0;
    expect(names(second)).toEqual(['.', '..']);
    expect(table.read(first, 2)).toHaveLength(1);
  });

  test('is EBADF on a listing that is closed or never was', () => {
    const { table } = tableOf(1);
    const fh = table.open();
    table.close(fh);
    expect(() => table.read(fh, 0)).toThrow(EBADF);
    expect(() => table.read(77, 0)).toThrow(EBADF);
    expect(table.open()).not.toBe(fh);
  });
});

describe('DirectoryTable.dumpOf', () => {
  test('finds the dumps of a listing that was read', () => {
    const { table, dumps, names } = tableOf(2);
    expect(table.dumpOf(inoOf(dumps[0]!))).toBeUndefined();
    names(table.open());
    expect(table.dumpOf(inoOf(dumps[1]!))).toBe(dumps[1]);
    expect(table.dumpOf(ROOT_INO)).toBeUndefined();
  });

  test('finds none that is lost since', () => {
    const { table, names } = tableOf(0);
    const dump = fakeDump(5);
    const other = new DirectoryTable(() => [dump]);
    names(table.open());
    other.read(other.open(), 0);
    dump.lost = 'gone';
    expect(other.dumpOf(inoOf(dump))).toBeUndefined();
  });

  test('holds no dump once the last listing is closed', () => {
    const { table, dumps, names } = tableOf(1);
    const [first, second] = [table.open(), table.open()];
    names(first);
    table.close(second);
    expect(table.dumpOf(inoOf(dumps[0]!))).toBe(dumps[0]);
    table.close(first);
    expect(table.dumpOf(inoOf(dumps[0]!))).toBeUndefined();
  });
});
