import { describe, expect, test } from 'vitest';
import { NodeTable } from '../../../../src/fuse/native/node-table.js';

/** A name that is looked up, answered, and asked for again, as the kernel does. */
function meet(table: NodeTable, name: string, ino: number): void {
  table.requested(name);
  table.add(name, ino);
  table.requested(name);
}

function idsOf(table: NodeTable, ino: number): readonly [number, number] | undefined {
  const node = table.byIno(ino);
  if (node === undefined) return undefined;
  const { first, last } = table.candidates(node);
  return [first, last];
}

describe('NodeTable', () => {
  test('numbers names in the order in which they are met, from 2 on', () => {
    const table = new NodeTable();
    meet(table, 'a', 10);
    meet(table, 'b', 11);
    expect([idsOf(table, 10), idsOf(table, 11), idsOf(table, 12)]).toEqual([[2, 2], [3, 3], undefined]);
    expect(table.all()).toEqual({ first: 2, last: 3 });
  });

  test('gives names that are answered at the same time the same candidates', () => {
    const table = new NodeTable();
    meet(table, 'a', 10);
    table.add('b', 11);
    table.add('c', 12);
    expect([idsOf(table, 11), idsOf(table, 12)]).toEqual([
      [3, 4],
      [3, 4],
    ]);
    table.requested('b');
    table.add('d', 13);
    expect(idsOf(table, 13)).toEqual([3, 5]);
    table.requested('c');
    table.requested('d');
    meet(table, 'e', 14);
    expect([idsOf(table, 10), idsOf(table, 14)]).toEqual([
      [2, 2],
      [6, 6],
    ]);
  });

  test('keeps the number of a name that stands for another inode', () => {
    const table = new NodeTable();
    meet(table, 'a', 10);
    table.rebind(table.requested('a')!, 20);
    expect([idsOf(table, 10), idsOf(table, 20)]).toEqual([undefined, [2, 2]]);
  });

  test('gives a name that was removed a new number', () => {
    const table = new NodeTable();
    meet(table, 'a', 10);
    table.remove('a');
    expect(table.requested('a')).toBeUndefined();
    meet(table, 'a', 20);
    expect([idsOf(table, 10), idsOf(table, 20)]).toEqual([undefined, [3, 3]]);
  });

  test('follows a node that is hidden, and numbers its old name anew', () => {
    const table = new NodeTable();
    meet(table, 'a', 10);
    table.move('a', 'hidden', 2);
    meet(table, 'a', 20);
    expect([idsOf(table, 10), idsOf(table, 20)]).toEqual([
      [2, 2],
      [3, 3],
    ]);
  });

  test('takes every number for possible once libfuse has named another one than expected', () => {
    const table = new NodeTable();
    meet(table, 'a', 10);
    meet(table, 'b', 11);
    table.move('a', 'hidden', 3);
    expect([idsOf(table, 10), idsOf(table, 11)]).toEqual([
      [2, 3],
      [2, 3],
    ]);
  });

  test('does not mind names that it has never met', () => {
    const table = new NodeTable();
    table.remove('x');
    table.move('x', 'y', 5);
    meet(table, 'a', 10);
    expect(idsOf(table, 10)).toEqual([2, 2]);
  });
});
