import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { dumpTag, tagName } from '../../../src/base/tag.js';
import type { StoreEvent } from '../../../src/dump/index.js';
import { Bare, TAG, context, errnoOf, sampleBytes } from '../../support/bare.js';
import { PATIENCE } from '../../support/patience.js';

const SIZE = 10_000;
const CONTENT = sampleBytes(SIZE);
const UNANNOUNCED = { announced: false };
let bare: Bare;

beforeEach(() => {
  bare = new Bare();
});

afterEach(() => bare[Symbol.asyncDispose]());

function putUnannounced(tag = TAG, side: object = {}): void {
  bare.put(tag, CONTENT, { ...UNANNOUNCED, ...side });
}

async function stat(tag = TAG): Promise<number> {
  const ino = await bare.lookup(tag);
  return (await bare.fs.getattr(ino, context())).size;
}

/** Firmware calls so far. */
function calls(): ReturnType<Bare['calls']> {
  return bare.calls();
}

function readsOf(tag: bigint): number {
  return calls().filter((call) => BigInt(call.tag) === tag && call.op === 'read').length;
}

/** Waits until firmware has been asked about the dump. */
async function confirmed(tag = TAG): Promise<void> {
  await vi.waitUntil(() => bare.store.find(tag)?.isConfirmed, PATIENCE);
}

async function unlisted(tag = TAG): Promise<void> {
  await vi.waitUntil(() => !bare.names().includes(tagName(tag)), PATIENCE);
}

describe('an announced dump', () => {
  test('is listed at once, with size and time, before firmware is asked', async () => {
    putUnannounced();
    expect(bare.names()).toEqual([]);
    bare.store.announce({ tag: TAG, size: SIZE, announcedAtMs: 1_700_000_000_000 });
    expect(bare.names()).toEqual([tagName(TAG)]);
    expect(await stat()).toBe(SIZE);
    expect(bare.store.list()).toMatchObject([{ size: SIZE, announcedAtMs: 1_700_000_000_000, state: 'new' }]);
    expect(calls()).toEqual([]);
  });

  test('is read like any other', async () => {
    putUnannounced();
    bare.store.announce({ tag: TAG, size: SIZE });
    expect(await bare.readAll(await bare.open(TAG))).toEqual(CONTENT);
  });

  test('is confirmed by one firmware call that nobody has to wait for', async () => {
    putUnannounced();
    bare.store.announce({ tag: TAG, size: SIZE });
    await confirmed();
    expect(calls()[0]).toMatchObject({ op: 'read', offset: 0 });
    expect(bare.names()).toEqual([tagName(TAG)]);
  });

  test('leaves the listing when firmware does not know it', async () => {
    bare.store.announce({ tag: TAG, size: SIZE });
    expect(bare.names()).toEqual([tagName(TAG)]);
    await unlisted();
  });

  test('leaves the listing when the platform delivers it elsewhere', async () => {
    putUnannounced(TAG, { faults: [{ at: 0, status: -9002, times: 'always' }] });
    bare.store.announce({ tag: TAG, size: SIZE });
    await unlisted();
  });

  test('stays listed while firmware cannot answer', async () => {
    putUnannounced(TAG, { faults: [{ at: 0, status: -1, times: 'always' }] });
    bare.store.announce({ tag: TAG, size: SIZE });
    await vi.waitUntil(() => bare.store.list()[0]?.state === 'failed', PATIENCE);
    expect(bare.names()).toEqual([tagName(TAG)]);
  });
});

describe('a dump that appears while firmware is asked for its name', () => {
  // Firmware's answer is ready at the beginning of a call that lasts: wherever in it the dump appears, it counts.
  test.each([
    { how: 'announced', delayMs: 0 },
    { how: 'announced', delayMs: 100 },
    { how: 'announced', delayMs: 300 },
    { how: 'listed by the source', delayMs: 0 },
    { how: 'listed by the source', delayMs: 100 },
    { how: 'listed by the source', delayMs: 300 },
  ])('is listed and stays, $how after $delayMs ms', async ({ how, delayMs }) => {
    await using slow = new Bare({ latencyUs: 500_000 });
    const asked = errnoOf(() => slow.lookup(TAG));
    await sleep(delayMs);
    if (how === 'announced') slow.store.announce({ tag: TAG, size: SIZE });
    slow.put(TAG, CONTENT, how === 'announced' ? UNANNOUNCED : {});
    await asked;
    await vi.waitUntil(() => slow.store.find(TAG), PATIENCE);
    expect(await slow.readAll(await slow.open(TAG))).toEqual(CONTENT);
    expect(slow.names()).toEqual([tagName(TAG)]);
  });
});

describe('a dump announced twice', () => {
  test('is one dump, with the same inode', async () => {
    putUnannounced();
    bare.store.announce({ tag: TAG, size: SIZE });
    const ino = await bare.lookup(TAG);
    const events: StoreEvent[] = [];
    bare.store.events.subscribe((event) => events.push(event));
    bare.store.announce({ tag: TAG, size: SIZE });
    expect(events).toEqual([]);
    expect(await bare.lookup(TAG)).toBe(ino);
  });

  test.each([
    { first: undefined, second: SIZE, shown: SIZE },
    { first: 500, second: SIZE, shown: SIZE },
    { first: SIZE, second: undefined, shown: SIZE },
    { first: SIZE, second: 0, shown: SIZE },
    { first: 0, second: SIZE, shown: SIZE },
  ])('with sizes $first and $second has $shown', async ({ first, second, shown }) => {
    putUnannounced();
    for (const size of [first, second])
      bare.store.announce({ tag: TAG, ...(size === undefined ? {} : { size }) });
    expect(await stat()).toBe(shown);
    expect(calls()).toEqual([]);
  });

  test('keeps the size that firmware has proven', async () => {
    putUnannounced();
    bare.store.announce({ tag: TAG, size: SIZE });
    await bare.readAll(await bare.open(TAG));
    bare.store.announce({ tag: TAG, size: 2 * SIZE });
    expect(await stat()).toBe(SIZE);
  });

  test('keeps a size that is not contradicted by older knowledge', async () => {
    putUnannounced();
    bare.store.announce({ tag: TAG, size: SIZE });
    bare.store.announce({ tag: TAG, size: 1, isRemembered: true });
    expect(await stat()).toBe(SIZE);
  });
});

describe('a remembered dump', () => {
  test('is listed, but shows its size only when firmware has said that it is there', async () => {
    putUnannounced();
    bare.store.announce({ tag: TAG, size: SIZE, isRemembered: true });
    expect(bare.names()).toEqual([tagName(TAG)]);
    expect(bare.store.list()).toMatchObject([{ size: undefined }]);
    expect(await stat()).toBe(SIZE);
    expect(readsOf(TAG)).toBeGreaterThan(0);
  });

  test('that is gone offers no bytes to anybody, however early', async () => {
    bare.store.announce({ tag: TAG, size: SIZE, isRemembered: true });
    const ino = await bare.lookup(TAG);
    expect(bare.fs.entryOf(ino, context())).toBeUndefined();
    expect(await errnoOf(() => bare.fs.getattr(ino, context()))).toBe('ESTALE');
    expect(await errnoOf(() => bare.lookup(TAG))).toBe('ENOENT');
    expect(bare.names()).toEqual([]);
  });

  test('that is announced afresh is believed', async () => {
    putUnannounced();
    bare.store.announce({ tag: TAG, size: 1, isRemembered: true });
    bare.store.announce({ tag: TAG, size: SIZE });
    expect(await stat()).toBe(SIZE);
    expect(calls()).toEqual([]);
  });
});

describe('after a dump was removed', () => {
  async function removeAnnounced(): Promise<number> {
    putUnannounced();
    bare.store.announce({ tag: TAG, size: SIZE });
    const ino = await bare.lookup(TAG);
    const fh = await bare.open(TAG);
    await bare.readAll(fh);
    bare.fs.release(fh);
    await bare.unlink(TAG);
    expect(bare.names()).toEqual([]);
    return ino;
  }

  test('its announcement once more lists nothing that firmware does not have', async () => {
    await removeAnnounced();
    const before = readsOf(TAG);
    bare.store.announce({ tag: TAG, size: SIZE });
    expect(bare.names()).toEqual([]);
    await vi.waitUntil(() => readsOf(TAG) > before, PATIENCE);
    expect(bare.names()).toEqual([]);
  });

  test('a new dump of that tag is listed once firmware has shown it, as a new file', async () => {
    const ino = await removeAnnounced();
    rmSync(join(bare.dir, `${tagName(TAG)}.invalidated`), { force: true });
    putUnannounced();
    bare.store.announce({ tag: TAG, size: SIZE });
    expect(bare.names()).toEqual([]);
    await vi.waitUntil(() => bare.names().length === 1, PATIENCE);
    expect(await bare.lookup(TAG)).not.toBe(ino);
  });

  test('while readers still have it open, an announcement does not bring its name back', async () => {
    putUnannounced();
    bare.store.announce({ tag: TAG, size: SIZE });
    const fh = await bare.open(TAG);
    await bare.readAll(fh);
    await bare.unlink(TAG);
    bare.store.announce({ tag: TAG, size: SIZE });
    expect(bare.names()).toEqual([]);
    bare.fs.release(fh);
    await vi.waitUntil(() => calls().some(({ op }) => op === 'invalidate'), PATIENCE);
    expect(bare.names()).toEqual([]);
  });
});

describe('many announcements', () => {
  test('are not all asked about at once', async () => {
    for (let at = 0n; at < 10_000n; at += 1n) bare.store.announce({ tag: dumpTag(TAG + at), size: SIZE });
    expect(bare.names()).toHaveLength(10_000);
    await vi.waitUntil(() => bare.names().length < 10_000, PATIENCE);
    expect(bare.names().length).toBeGreaterThan(9_900);
  });

  test('beyond what a machine can have are ignored', () => {
    for (let at = 0n; at < 20_000n; at += 1n) bare.store.announce({ tag: dumpTag(TAG + at) });
    expect([...bare.store.dumps()]).toHaveLength(16_384);
  });
});

test('at lockdown announcements list nothing and ask nothing', async () => {
  putUnannounced();
  bare.store.announce({ tag: dumpTag(TAG + 1n), size: SIZE });
  expect([...bare.fs.readdir(0)]).toHaveLength(3);
  bare.gate.raise();
  bare.store.announce({ tag: TAG, size: SIZE });
  expect(bare.store.list()).toEqual([]);
  expect(bare.names()).toEqual([]);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(calls()).toEqual([]);
});
