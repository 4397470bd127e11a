import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Dump } from '../../../src/dump/index.js';
import { ROOT_INO } from '../../../src/fs/index.js';
import { inoOf } from '../../../src/fs/inode-table.js';
import { Listing } from '../../../src/fs/listing.js';
import { fakeDump } from './support/fake-dump.js';

/** A listing of dumps that a test changes. */
function listingOf(...serials: number[]): { listing: Listing; dumps: Dump[]; made: () => number } {
  const dumps: Dump[] = serials.map((serial) => fakeDump(serial));
  let made = 0;
  const listing = new Listing(() => {
    made += 1;
    return dumps;
  });
  return { listing, dumps, made: () => made };
}

describe('Listing.behind', () => {
  test('lists the dots, then each dump under its name', () => {
    const { listing, dumps } = listingOf(1, 2);
    expect([...listing.behind(0)]).toEqual([
      { name: '.', ino: ROOT_INO, isDirectory: true, nextOffset: 1 },
      { name: '..', ino: ROOT_INO, isDirectory: true, nextOffset: 2 },
      { name: '0x0000000200000001', ino: inoOf(dumps[0]!), isDirectory: false, nextOffset: 3 },
      { name: '0x0000000200000002', ino: inoOf(dumps[1]!), isDirectory: false, nextOffset: 4 },
    ]);
  });

  test('goes on behind any entry by its nextOffset, to the end', () => {
    const { listing } = listingOf(2, 3, 5, 8, 13, 21);
    const all = [...listing.behind(0)];
    for (const [at, entry] of all.entries())
      expect([...listing.behind(entry.nextOffset)]).toEqual(all.slice(at + 1));
    expect([...listing.behind(1000)]).toEqual([]);
  });

  test('is in the order of inode numbers, also when a dump comes back behind younger ones', () => {
    const { listing } = listingOf(1, 4, 2);
    expect([...listing.behind(2)].map(({ name }) => name)).toEqual([
      '0x0000000200000001',
      '0x0000000200000002',
      '0x0000000200000004',
    ]);
  });

  test('shows each dump that stays exactly once to who goes on while others come and go', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 60 })),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.boolean())),
        fc.integer({ min: 1, max: 7 }),
        (serials, changes, step) => {
          const { listing, dumps } = listingOf(...serials);
          const touched = new Set(changes.map(([serial]) => serial));
          const seen: number[] = [];
          for (let offset = 0, end = false; !end;) {
            const entries = [...listing.behind(offset)].slice(0, step);
            end = entries.length < step;
            offset = entries.at(-1)?.nextOffset ?? offset;
            seen.push(...entries.filter(({ isDirectory }) => !isDirectory).map(({ ino }) => ino));
            const [serial, comes] = changes.pop() ?? [];
            if (serial === undefined) continue;
            const at = dumps.findIndex((dump) => dump.serial === serial);
            if (at >= 0) dumps.splice(at, 1);
            if (comes === true) dumps.push(fakeDump(serial));
            listing.refresh();
          }
          const stayed = serials
            .filter((serial) => !touched.has(serial))
            .map((serial) => inoOf(fakeDump(serial)));
          expect(new Set(seen).size).toBe(seen.length);
          expect(seen).toEqual(expect.arrayContaining(stayed));
        },
      ),
    );
  });

  test('makes one snapshot for all who list, until something changes', () => {
    const { listing, dumps, made } = listingOf(1, 2, 3);
    for (let count = 0; count < 100; count += 1) expect([...listing.behind(0)]).toHaveLength(5);
    expect(made()).toBe(1);
    dumps.pop();
    listing.refresh();
    expect([...listing.behind(0)]).toHaveLength(4);
    expect(made()).toBe(2);
  });
});

describe('Listing.dumpOf', () => {
  test('finds every listed dump, and nothing else', () => {
    const { listing, dumps } = listingOf(3, 1, 9);
    for (const dump of dumps) expect(listing.dumpOf(inoOf(dump))).toBe(dump);
    for (const ino of [0, ROOT_INO, inoOf(fakeDump(2)), inoOf(fakeDump(10))])
      expect(listing.dumpOf(ino)).toBeUndefined();
  });

  test('finds none that is gone since', () => {
    const { listing, dumps } = listingOf(1);
    const [dump] = dumps;
    expect(listing.dumpOf(inoOf(dump!))).toBe(dump);
    dumps.pop();
    listing.refresh();
    expect(listing.dumpOf(inoOf(dump!))).toBeUndefined();
  });
});
