import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { DumpTag } from '../../../src/base/tag.js';
import { tagName } from '../../../src/base/tag.js';
import { Catalogue } from '../../../src/dump/catalogue.js';
import type { Dump } from '../../../src/dump/index.js';
import { Bare, errnoOf, sampleBytes, TAG } from '../../support/bare.js';
import { PATIENCE } from '../../support/patience.js';
import type { FakeDump } from '../fs/support/fake-dump.js';
import { fakeDump } from '../fs/support/fake-dump.js';

const OTHER = (TAG + 1n) as DumpTag;

/** One that the source marks as `incarnation`. */
function listedDump(serial: number, facts: Partial<FakeDump> = {}, incarnation = 'a') {
  const calls = { tick: vi.fn(), forget: vi.fn() };
  return Object.assign(fakeDump(serial, facts), { sourceIncarnation: incarnation, ...calls });
}

/** All of these are listed. */
function catalogueOf(...dumps: Dump[]): Catalogue {
  const catalogue = new Catalogue();
  for (const dump of dumps) catalogue.list(catalogue.at(dump.tag), dump);
  return catalogue;
}

describe('Catalogue', () => {
  test('lists in the order in which names appeared, those that come back last', () => {
    const [first, second] = [listedDump(1), listedDump(2)];
    const catalogue = catalogueOf(first, second);
    const record = catalogue.at(first.tag);
    record.phase = 'hidden';
    expect([...catalogue.listed()]).toEqual([second]);
    catalogue.list(record, first);
    expect([...catalogue.listed()]).toEqual([second, first]);
  });

  test('parts a dump from its tag, and remembers what the source calls it', () => {
    const dump = listedDump(1);
    const catalogue = catalogueOf(dump);
    expect(catalogue.part(dump, true)).toBe('listed');
    expect(catalogue.get(dump.tag)).toMatchObject({ phase: 'absent', dump: undefined, dismissed: 'a' });
    expect(catalogue.hasParted(dump.tag)).toBe(true);
    expect([...catalogue.dumps()]).toEqual([]);
    expect(catalogue.part(dump, true), 'a second time').toBe('absent');
    catalogue.list(catalogue.at(dump.tag), listedDump(1));
    expect(catalogue.hasParted(dump.tag)).toBe(false);
  });

  test('leaves the successor alone when the one before is lost', () => {
    const [before, after] = [listedDump(1), listedDump(1, {}, 'b')];
    const catalogue = catalogueOf(before);
    catalogue.list(catalogue.at(before.tag), after);
    expect(catalogue.part(before, false)).toBe('absent');
    expect([...catalogue.listed()]).toEqual([after]);
    expect(catalogue.hasParted(before.tag)).toBe(false);
  });

  test('keeps a lost dump that is open until it is closed, and overwrites it then', () => {
    const dump = listedDump(1, { openHandles: 1 });
    const catalogue = catalogueOf(dump);
    catalogue.part(dump, false);
    catalogue.tick();
    expect(catalogue.dumps()).toEqual([dump]);
    expect(dump.forget).not.toHaveBeenCalled();
    dump.openHandles = 0;
    catalogue.tick();
    expect(dump.forget).toHaveBeenCalledOnce();
    expect(dump.tick).toHaveBeenCalledTimes(2);
    expect(catalogue.dumps()).toEqual([]);
  });

  test('keeps a record as long as something is known of its tag', () => {
    const catalogue = new Catalogue();
    const { tag } = fakeDump(1);
    catalogue.at(tag).news = { tag };
    catalogue.tick();
    expect(catalogue.get(tag)).toBeDefined();
    catalogue.forgetNews();
    catalogue.tick();
    expect(catalogue.get(tag)).toBeUndefined();
  });
});

describe('a dump that was unlinked while open', () => {
  async function hidden(side?: Record<string, unknown>): Promise<{ bare: Bare; fh: number }> {
    const bare = new Bare({ discipline: 'librtas', known: side === undefined ? [] : [{ tag: TAG }] });
    bare.put(TAG, sampleBytes(5000), side);
    const fh = await bare.open(TAG);
    await bare.readAll(fh);
    await bare.unlink(TAG);
    expect(bare.names()).toEqual([]);
    return { bare, fh };
  }

  test('is listed again when firmware refuses to forget it, and can be removed then', async () => {
    const open = await hidden({ faults: [{ at: 'invalidate', status: -1 }] });
    await using bare = open.bare;
    bare.fs.release(open.fh);
    await vi.waitFor(() => expect(bare.names()).toEqual([tagName(TAG)]), PATIENCE);
    expect(await errnoOf(() => bare.unlink(TAG))).toBeUndefined();
    expect(bare.names()).toEqual([]);
  });

  test('is not listed again because the source still lists it', async () => {
    const open = await hidden();
    await using bare = open.bare;
    bare.put(OTHER, sampleBytes(100));
    await vi.waitFor(() => expect(bare.names()).toContain(tagName(OTHER)), PATIENCE);
    expect(bare.names()).toEqual([tagName(OTHER)]);
    bare.fs.release(open.fh);
  });

  test('makes room for the one that was announced meanwhile', async () => {
    const open = await hidden({ announced: false });
    await using bare = open.bare;
    bare.store.announce({ tag: TAG, size: 700 });
    const end = bare.store.events.subscribe(({ kind }) => {
      if (kind !== 'lost') return;
      end();
      // Right after the invalidation: as an arrival it would be too close to it for the clocks of two threads.
      writeFileSync(join(bare.dir, tagName(TAG)), sampleBytes(700, 2));
    });
    bare.fs.release(open.fh);
    await vi.waitFor(() => expect(bare.store.find(TAG)?.size?.bytes).toBe(700), PATIENCE);
    expect((await bare.readAll(await bare.open(TAG))).equals(sampleBytes(700, 2))).toBe(true);
  });
});
