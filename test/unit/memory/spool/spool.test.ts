import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../../../src/base/log.js';
import { BLOCK_BYTES } from '../../../../src/memory/arena.js';
import { BlockCache, BlockOwner } from '../../../../src/memory/block-cache.js';
import { mostSpoolFiles, SpoolFile } from '../../../../src/memory/spool/spool-file.js';
import { Spool } from '../../../../src/memory/spool/spool.js';
import type { SpooledDump } from '../../../../src/memory/spool/spooled-dump.js';

const SLOTS = 4;

let directory: string;
let lines: string[];
let cache: BlockCache;
let spool: Spool;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'platdumpfs-spool-'));
  lines = [];
  cache = new BlockCache(SLOTS * BLOCK_BYTES);
  spool = makeSpool(2 ** 30);
});

afterEach(async () => {
  await spool.end();
  rmSync(directory, { recursive: true });
});

function makeSpool(quotaBytes: number): Spool {
  const log = createLogger({ level: 'warn', format: 'text', write: (line) => void lines.push(line) });
  return new Spool({ directory, quotaBytes, slabs: cache.arena.slabs, mostBacklog: SLOTS, log });
}

/** Files without a name that this process has open in the directory. */
function openFiles(): number {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((link) => link.startsWith(directory)).length;
}

function created(): SpooledDump {
  const dump = spool.create();
  if (dump === undefined) throw new Error(`no place in the spool: ${lines.join('')}`);
  return dump;
}

async function store(dump: SpooledDump, index: number, filler: number): Promise<boolean> {
  const block = cache.allocate(new BlockOwner(), index);
  cache.arena.view(block.slot).fill(filler);
  block.filled = BLOCK_BYTES;
  await dump.store(block);
  cache.drop(block);
  cache.unpin(block);
  return dump.has(index);
}

/** @returns the byte of which all of a block consists */
async function load(dump: SpooledDump, index: number): Promise<number | undefined> {
  const into = cache.allocate(new BlockOwner(), index);
  const view = cache.arena.view(into.slot).fill(0);
  const arrived = await dump.load(into, BLOCK_BYTES);
  const [byte] = view;
  const isWhole = arrived && byte !== undefined && view.every((one) => one === byte);
  cache.drop(into);
  cache.unpin(into);
  return isWhole ? byte : undefined;
}

describe('Spool', () => {
  test('keeps more dumps than it has files, each as it was', async () => {
    const dumps = Array.from({ length: 100 }, created);
    // Two far apart: in between nothing takes room.
    for (const [at, dump] of dumps.entries()) expect(await store(dump, at % 3, at)).toBe(true);
    for (const [at, dump] of dumps.entries()) expect(await store(dump, 5000 + at, at + 100)).toBe(true);
    expect(openFiles()).toBe(mostSpoolFiles());
    for (const [at, dump] of dumps.entries()) {
      expect(await load(dump, at % 3)).toBe(at);
      expect(await load(dump, 5000 + at)).toBe(at + 100);
    }
    for (const dump of dumps) dump.destroy();
    await expect.poll(openFiles).toBe(0);
    expect(lines).toEqual([]);
  });

  test('gives room that a dump left in a shared file to another one', async () => {
    const dumps = Array.from({ length: 3 * mostSpoolFiles() }, created);
    for (const [at, dump] of dumps.entries()) await store(dump, 0, at);
    const [gone, ...rest] = dumps;
    gone?.destroy();
    const next = created();
    expect(await store(next, 0, 200)).toBe(true);
    expect(await load(next, 0)).toBe(200);
    for (const [at, dump] of rest.entries()) expect(await load(dump, 0)).toBe(at + 1);
    expect(gone?.has(0)).toBe(false);
    for (const dump of [next, ...rest]) dump.destroy();
  });

  test('takes no more than its quota, and again what was given back', async () => {
    await spool.end();
    spool = makeSpool(2 * BLOCK_BYTES);
    const [one, two] = [created(), created()];
    expect(await store(one, 0, 1)).toBe(true);
    expect(await store(two, 0, 2)).toBe(true);
    expect(await store(two, 1, 2)).toBe(false);
    expect(spool.isFull).toBe(true);
    expect(spool.create()).toBeUndefined();
    expect(lines.join('')).toContain('quota is used up');
    one.destroy();
    expect(await store(two, 1, 3)).toBe(true);
    expect(await load(two, 0)).toBe(2);
    expect(await load(two, 1)).toBe(3);
    two.destroy();
  });

  test('answers at once when its thread is gone', async () => {
    const dump = created();
    await store(dump, 0, 1);
    await spool.end();
    expect(await load(dump, 0)).toBeUndefined();
    expect(await store(dump, 1, 1)).toBe(false);
    expect(spool.create()).toBeUndefined();
    dump.destroy();
    expect(openFiles()).toBe(0);
  });
});

test('SpoolFile counts what it takes on disk, also of extents that were given back', () => {
  const file = new SpoolFile(directory);
  expect(file.takeExtent()).toBe(0);
  expect(file.takeExtent()).toBe(1);
  file.noteWritten(3);
  file.noteWritten(3);
  file.giveBack([0]);
  expect(file.takeExtent()).toBe(0);
  expect(file.isWritten(3)).toBe(true);
  expect(file.diskBytes).toBe(BLOCK_BYTES);
});

test.each([
  { soft: '1024', most: 32 },
  { soft: '64', most: 8 },
  { soft: '4', most: 1 },
  { soft: 'unlimited', most: 32 },
])('mostSpoolFiles at a limit of $soft is $most', ({ soft, most }) => {
  expect(mostSpoolFiles(`Max processes 5 5\nMax open files            ${soft}        4096   files\n`)).toBe(
    most,
  );
});
