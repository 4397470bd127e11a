import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InodeTable, inoOf } from '../../../src/fs/inode-table.js';
import { ROOT_INO } from '../../../src/fs/index.js';
import { fakeDump } from './support/fake-dump.js';

test('inoOf differs for each incarnation, and is never the root', () => {
  const inos = [1, 2, 3].map((serial) => inoOf(fakeDump(serial, { tag: fakeDump(9).tag })));
  expect(new Set([...inos, ROOT_INO]).size).toBe(4);
});

describe('InodeTable', () => {
  test('has one inode per incarnation, however often it is looked up', () => {
    const table = new InodeTable();
    const dump = fakeDump(1);
    const inode = table.lookUp(dump);
    expect(table.lookUp(dump)).toBe(inode);
    expect(inode).toMatchObject({ ino: inoOf(dump), dump, lookups: 2 });
    expect(table.get(inode.ino)).toBe(inode);
    expect(table.get(ROOT_INO)).toBeUndefined();
  });

  test.each([
    { lookups: 3, forget: 2, isKnown: true },
    { lookups: 3, forget: 3, isKnown: false },
    { lookups: 1, forget: 0, isKnown: true },
    { lookups: 1, forget: 100, isKnown: false },
  ])('of $lookups lookups forgets $forget: known $isKnown', ({ lookups, forget, isKnown }) => {
    const table = new InodeTable();
    const dump = fakeDump(1);
    for (let count = 0; count < lookups; count += 1) table.lookUp(dump);
    table.forget(inoOf(dump), forget);
    expect(table.get(inoOf(dump)) !== undefined).toBe(isKnown);
  });

  test('forgetting an inode that nobody knows does nothing', () => {
    const table = new InodeTable();
    table.lookUp(fakeDump(1));
    table.forget(ROOT_INO, 1);
    table.forget(999, 1);
    expect(table.counts).toEqual({ inodes: 1, handles: 0 });
  });

  test('an open file keeps a forgotten inode until it is closed', () => {
    const table = new InodeTable();
    const inode = table.lookUp(fakeDump(1));
    const [first, second] = [table.open(inode), table.open(inode)];
    table.forget(inode.ino, 1);
    table.close(first);
    expect(table.get(inode.ino)).toBe(inode);
    table.close(second);
    expect(table.get(inode.ino)).toBeUndefined();
  });

  test('a handle has its own number, and the dump counts it', () => {
    const table = new InodeTable();
    const dump = fakeDump(1);
    const inode = table.lookUp(dump);
    const [first, second] = [table.open(inode), table.open(inode)];
    expect(first.fh).not.toBe(second.fh);
    expect([table.handle(first.fh), table.handle(second.fh)]).toEqual([first, second]);
    expect([dump.handles, inode.handles.size]).toEqual([2, 2]);
    table.close(first);
    expect(table.handle(first.fh)).toBeUndefined();
    expect([dump.handles, [...inode.handles]]).toEqual([1, [second]]);
  });

  test.each([
    { size: undefined, knownSize: undefined },
    { size: { bytes: 4096, origin: 'announced', exact: false } as const, knownSize: 4096 },
  ])('an opener was told $knownSize', ({ size, knownSize }) => {
    const table = new InodeTable();
    expect(table.open(table.lookUp(fakeDump(1, { size }))).knownSize).toBe(knownSize);
  });

  test('returns to nothing when everybody has left, and never gives a number twice', () => {
    const step = fc.tuple(fc.constantFrom('lookUp', 'open', 'close', 'forget'), fc.nat(3));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const table = new InodeTable();
        const dumps = [1, 2, 3, 4].map((serial) => fakeDump(serial));
        const open: ReturnType<InodeTable['open']>[] = [];
        const fhs = new Set<number>();
        for (const [op, at] of steps) {
          const inode = table.get(inoOf(dumps[at]!));
          if (op === 'lookUp') table.lookUp(dumps[at]!);
          if (op === 'open' && inode !== undefined) open.push(table.open(inode));
          if (op === 'forget') table.forget(inoOf(dumps[at]!), at + 1);
          if (op === 'close' && open.length > 0) table.close(open.splice(at % open.length, 1)[0]!);
          if (op === 'open' && inode !== undefined) expect(fhs.size).toBe(fhs.add(open.at(-1)!.fh).size - 1);
          expect(table.counts.handles).toBe(open.length);
          for (const handle of open) expect(table.get(handle.inode.ino)).toBe(handle.inode);
        }
        for (const handle of open) table.close(handle);
        for (const dump of dumps) table.forget(inoOf(dump), 1000);
        expect(table.counts).toEqual({ inodes: 0, handles: 0 });
        expect(dumps.map(({ handles }) => handles)).toEqual([0, 0, 0, 0]);
      }),
    );
  });
});
