import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { existsSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { silentLogger } from '../../src/base/log.js';
import { dumpTag, tagName } from '../../src/base/tag.js';
import { ROOT_INO } from '../../src/fs/index.js';
import { TRUST_MS } from '../../src/transfer/transfer.js';
import { Bare, context, errnoOf, sampleBytes, TAG } from '../support/bare.js';
import { PATIENCE } from '../support/patience.js';

const MIB = 1024 * 1024;

describe.each([
  { discipline: 'papr', spool: false },
  { discipline: 'papr', spool: true },
  { discipline: 'librtas', spool: false },
] as const)('filesystem on the simulated hypervisor: discipline $discipline, spool $spool', (variant) => {
  test.each([1, 1023, 4096, 4097, 65_536, MIB + 13])(
    'read: %i bytes arrive as firmware has them',
    async (size) => {
      await using bare = new Bare({ ...variant });
      const bytes = sampleBytes(size);
      bare.put(TAG, bytes);
      const fh = await bare.open(TAG);
      expect((await bare.readAll(fh)).equals(bytes)).toBe(true);
      expect((await bare.readAll(fh, 511)).equals(bytes)).toBe(true);
    },
  );

  test('read: four readers at once cost one pass', async () => {
    await using bare = new Bare({ ...variant });
    const bytes = sampleBytes(3 * MIB);
    bare.put(TAG, bytes);
    const handles = await Promise.all([1, 2, 3, 4].map(() => bare.open(TAG)));
    const copies = await Promise.all(handles.map((fh) => bare.readAll(fh)));
    expect(copies.every((copy) => copy.equals(bytes))).toBe(true);
    expect(bare.calls().reduce((sum, call) => sum + call.bytes, 0)).toBe(3 * MIB);
  });

  test('read: backwards over a dump larger than the cache gives every byte', async () => {
    await using bare = new Bare({ ...variant, cacheSizeBytes: 4 * MIB });
    const bytes = sampleBytes(9 * MIB);
    bare.put(TAG, bytes);
    const fh = await bare.open(TAG);
    for (let offset = 8 * MIB; offset >= 0; offset -= 2 * MIB) {
      const part = await bare.read(fh, offset + 7, MIB);
      expect(part.equals(bytes.subarray(offset + 7, offset + 7 + MIB)), `at ${offset}`).toBe(true);
    }
  });

  test.each([
    { what: 'odd chunks', side: { chunk: [1, 4096] } },
    { what: 'nothing at the beginning', side: { faults: [{ at: 0, empty: 3 }] } },
    { what: 'nothing in the middle', side: { faults: [{ at: 40_960, empty: 2 }] } },
    { what: 'nothing at the end', side: { faults: [{ at: 100_000, empty: 2 }] } },
    { what: 'busy', side: { faults: [{ at: 8192, status: -2, times: 5 }] } },
    { what: 'a short delay', side: { faults: [{ at: 8192, status: 9901, times: 2 }] } },
  ])('read: firmware that answers with $what loses nothing', async ({ side }) => {
    await using bare = new Bare({ ...variant });
    const bytes = sampleBytes(100_000);
    bare.put(TAG, bytes, side);
    expect((await bare.readAll(await bare.open(TAG))).equals(bytes)).toBe(true);
    expect(bare.store.find(TAG)?.isDelivered).toBe(true);
  });

  test('read: a hardware error is EIO for the bytes behind it, once; the next read goes on', async () => {
    await using bare = new Bare({ ...variant });
    const bytes = sampleBytes(100_000);
    bare.put(TAG, bytes, { faults: [{ at: 49_152, status: -1 }] });
    const fh = await bare.open(TAG);
    expect((await bare.read(fh, 0, 4096)).equals(bytes.subarray(0, 4096))).toBe(true);
    expect(await errnoOf(() => bare.read(fh, 40_960, 16_384))).toBe('EIO');
    expect((await bare.read(fh, 40_960, 16_384)).equals(bytes.subarray(40_960, 57_344))).toBe(true);
  });

  test('read: an error for ever costs few firmware calls however often it is asked for', async () => {
    await using bare = new Bare({ ...variant });
    bare.put(TAG, sampleBytes(100_000), { faults: [{ at: 49_152, status: -1, times: 'always' }] });
    const fh = await bare.open(TAG);
    for (let attempt = 0; attempt < 20; attempt += 1)
      expect(await errnoOf(() => bare.read(fh, 49_152, 4096))).toBe('EIO');
    expect(bare.calls().length).toBeLessThan(60);
    expect(await errnoOf(() => bare.unlink(TAG))).toBe('EBUSY');
  });

  test('read: not authorized in the middle discards what was fetched', async () => {
    await using bare = new Bare({ ...variant });
    bare.put(TAG, sampleBytes(300_000), { faults: [{ at: 200_704, status: -9002, times: 'always' }] });
    const fh = await bare.open(TAG);
    await bare.read(fh, 0, 4096);
    expect(await errnoOf(() => bare.read(fh, 196_608, 16_384))).toBe('EPERM');
    expect(await errnoOf(() => bare.read(fh, 0, 4096))).toBe('EPERM');
    expect(bare.names()).toEqual([]);
  });

  test('read: a stalled dump blocks no other one, and an interrupt ends the wait', async () => {
    await using bare = new Bare({ ...variant });
    const other = sampleBytes(MIB, 2);
    const slow = TAG;
    const fast = (TAG + 1n) as typeof TAG;
    bare.put(slow, sampleBytes(100_000), { faults: [{ at: 0, status: 9905, times: 'always' }] });
    bare.put(fast, other);
    const interrupt = new AbortController();
    const stuck = errnoOf(async () => bare.read(await bare.open(slow), 0, 4096, interrupt.signal));
    expect((await bare.readAll(await bare.open(fast))).equals(other)).toBe(true);
    interrupt.abort();
    expect(await stuck).toBe('EINTR');
  });

  test('unlink: EBUSY before everything was delivered, then gone in firmware exactly once', async () => {
    await using bare = new Bare({ ...variant });
    const bytes = sampleBytes(MIB + 13);
    bare.put(TAG, bytes);
    const fh = await bare.open(TAG);
    await bare.read(fh, 0, 4096);
    expect(await errnoOf(() => bare.unlink(TAG))).toBe('EBUSY');
    await bare.readAll(fh);
    bare.fs.release(fh);
    await bare.unlink(TAG);
    expect(bare.names()).toEqual([]);
    expect(bare.calls().filter((call) => call.op === 'invalidate')).toHaveLength(1);
    expect(existsSync(join(bare.dir, `${tagName(TAG)}.invalidated`))).toBe(true);
  });

  test('unlink: with an open handle the name goes at once and firmware is told at the last close', async () => {
    await using bare = new Bare({ ...variant });
    const bytes = sampleBytes(200_000);
    bare.put(TAG, bytes);
    const first = await bare.open(TAG);
    const second = await bare.open(TAG);
    await bare.readAll(first);
    await bare.unlink(TAG);
    expect(await errnoOf(() => bare.lookup(TAG)), 'firmware is not asked for the name').toBe('ENOENT');
    expect(bare.names()).toEqual([]);
    expect((await bare.readAll(second)).equals(bytes)).toBe(true);
    bare.fs.release(first);
    expect(bare.calls().some((call) => call.op === 'invalidate')).toBe(false);
    const removed = new Promise((resolve) =>
      bare.store.events.subscribe((event) => event.kind === 'lost' && resolve(0)),
    );
    bare.fs.release(second);
    await removed;
    expect(bare.calls().filter((call) => call.op === 'invalidate')).toHaveLength(1);
  });

  test.each([
    { end: 'the mount ends', message: 'an unlinked dump stays in firmware', fields: { tag: tagName(TAG) } },
    { end: 'lockdown', message: 'unlinked dumps stay in firmware', fields: { dumps: 1 } },
  ])('unlink: what waits for its last close when $end stays, and is logged once', async (expected) => {
    const warn = vi.fn();
    await using bare = new Bare({ ...variant, log: { ...silentLogger, warn } });
    bare.put(TAG, sampleBytes(1000));
    const fh = await bare.open(TAG);
    await bare.readAll(fh);
    await bare.unlink(TAG);
    if (expected.end === 'lockdown') bare.gate.raise();
    await bare.end();
    bare.fs.release(fh);
    expect(warn.mock.calls).toEqual([[expect.stringContaining(expected.message), expected.fields]]);
    expect(bare.calls().some((call) => call.op === 'invalidate')).toBe(false);
  });

  test('unlink: the end of the mount waits for a removal that the last close began', async () => {
    await using bare = new Bare({ ...variant });
    bare.put(TAG, sampleBytes(1000), { faults: [{ at: 'invalidate', status: 9902, times: 1 }] });
    const fh = await bare.open(TAG);
    await bare.readAll(fh);
    await bare.unlink(TAG);
    bare.fs.release(fh);
    await bare.end();
    expect(existsSync(join(bare.dir, `${tagName(TAG)}.invalidated`))).toBe(true);
  });

  test('unlink: an interrupt after firmware was told waits for a prompt answer, not for a slow one', async () => {
    await using bare = new Bare({ ...variant });
    const slow = (TAG + 1n) as typeof TAG;
    bare.put(TAG, sampleBytes(4096), { faults: [{ at: 'invalidate', status: 9902, times: 1 }] });
    bare.put(slow, sampleBytes(4096), { faults: [{ at: 'invalidate', status: 9905, times: 'always' }] });
    for (const tag of [TAG, slow]) {
      const fh = await bare.open(tag);
      await bare.readAll(fh);
      bare.fs.release(fh);
    }
    const interrupt = new AbortController();
    const answers = [TAG, slow].map((tag) => errnoOf(() => bare.unlink(tag, interrupt.signal)));
    const told = (): string[] => bare.calls().flatMap(({ op, tag }) => (op === 'invalidate' ? tag : []));
    await vi.waitFor(() => expect(new Set(told()).size).toBe(2), PATIENCE);
    interrupt.abort();
    expect(await Promise.all(answers)).toEqual([undefined, 'EINTR']);
    expect(existsSync(join(bare.dir, `${tagName(TAG)}.invalidated`))).toBe(true);
  });

  test('unlink: force drains first and removes what nobody has read', async () => {
    await using bare = new Bare({ ...variant, unlinkPolicy: 'force' });
    bare.put(TAG, sampleBytes(200_000));
    await bare.lookup(TAG);
    await bare.unlink(TAG);
    expect(existsSync(join(bare.dir, `${tagName(TAG)}.invalidated`))).toBe(true);
  });

  test('unlink: never is EPERM', async () => {
    await using bare = new Bare({ ...variant, unlinkPolicy: 'never' });
    bare.put(TAG, sampleBytes(10));
    await bare.readAll(await bare.open(TAG));
    expect(await errnoOf(() => bare.unlink(TAG))).toBe('EPERM');
  });

  test('getattr: a size that was not announced is measured before it is shown', async () => {
    await using bare = new Bare({ ...variant });
    bare.put(TAG, sampleBytes(300_001), { announcedSize: null });
    const ino = await bare.lookup(TAG);
    expect((await bare.fs.getattr(ino, context())).size).toBe(300_001);
  });

  test('read: announced too big ends where firmware ends for a reader that asks before it crosses', async () => {
    await using bare = new Bare({ ...variant });
    const bytes = sampleBytes(300_001);
    bare.put(TAG, bytes, { announcedSize: 400_000 });
    const ino = await bare.lookup(TAG);
    const fh = bare.fs.open(ino, 0, context());
    const changes: string[] = [];
    bare.fs.onKernelCacheChange(({ kind }) => changes.push(kind));
    expect((await bare.fs.getattr(ino, context(), fh)).size).toBe(300_001);
    expect((await bare.readAll(fh)).equals(bytes)).toBe(true);
    expect(changes, 'nothing overtakes the answers to reads').toEqual([]);
  });

  // The kernel takes a short answer for the end: see `ToldSizes`.
  test.each([
    { announced: 300_002, offset: 262_144, bytes: 37_857 },
    { announced: 400_000, offset: 262_144, bytes: 37_857 },
    { announced: 400_000, offset: 393_216, bytes: 0 },
  ])(
    'read: a reader that trusts a size of $announced that is too big gets the end at $offset',
    async ({ announced, offset, bytes }) => {
      await using bare = new Bare({ ...variant });
      bare.put(TAG, sampleBytes(300_001), { announcedSize: announced });
      const fh = await bare.open(TAG);
      expect(await bare.read(fh, offset, 131_072)).toHaveLength(bytes);
      expect((await bare.readAll(fh)).equals(sampleBytes(300_001))).toBe(true);
    },
  );

  test('read: the end is EIO, once, while the kernel may still be taking in another size', async () => {
    await using bare = new Bare({ ...variant });
    const bytes = sampleBytes(300_001);
    bare.put(TAG, bytes, { announcedSize: 400_000 });
    const fh = await bare.open(TAG);
    const other = { ...context(), pid: 2 };
    await bare.fs.lookup(ROOT_INO, tagName(TAG), other);
    const began = performance.now();
    expect(await errnoOf(() => bare.read(fh, 262_144, 131_072))).toBe('EIO');
    expect(performance.now() - began, 'late enough for the next try').toBeGreaterThan(900);
    expect((await bare.read(fh, 262_144, 131_072)).equals(bytes.subarray(262_144))).toBe(true);
  });

  test('read: past the page cache the end is the end, whatever the kernel believes', async () => {
    await using bare = new Bare({ ...variant });
    bare.put(TAG, sampleBytes(300_001), { announcedSize: 400_000 });
    const fh = await bare.open(TAG);
    await bare.fs.lookup(ROOT_INO, tagName(TAG), { ...context(), pid: 2 });
    using end = await bare.fs.read(fh, 262_144, 131_072, context(), true);
    expect(end.length).toBe(37_857);
  });

  test('read: a size that is true stands against no end', async () => {
    await using bare = new Bare({ ...variant });
    bare.put(TAG, sampleBytes(300_001), { announcedSize: 400_000 });
    const fh = await bare.open(TAG);
    await bare.readAll(fh);
    await bare.fs.lookup(ROOT_INO, tagName(TAG), { ...context(), pid: 2 });
    expect(await bare.read(fh, 262_144, 131_072)).toHaveLength(37_857);
  });

  test('read: announced too small is never the end for a reader that asks before it crosses', async () => {
    await using bare = new Bare({ ...variant });
    const bytes = sampleBytes(300_001);
    bare.put(TAG, bytes, { announcedSize: 200_000 });
    const ino = await bare.lookup(TAG);
    const fh = bare.fs.open(ino, 0, context());
    expect((await bare.fs.getattr(ino, context())).size).toBe(200_000);
    await bare.read(fh, 0, 131_072);
    expect((await bare.fs.getattr(ino, context(), fh)).size).toBe(300_001); // as the kernel does at the known end
    expect((await bare.readAll(fh)).equals(bytes)).toBe(true);
  });

  test.each([200_000, 196_608])(
    'read: a reader that trusts a size of %i that is too small gets EIO',
    async (size) => {
      await using bare = new Bare({ ...variant });
      bare.put(TAG, sampleBytes(300_001), { announcedSize: size });
      const fh = await bare.open(TAG);
      expect(await errnoOf(() => bare.read(fh, 131_072, size - 131_072))).toBe('EIO');
      const again = await bare.open(TAG);
      expect(await bare.readAll(again)).toHaveLength(300_001);
    },
  );

  test('lockdown: names, handles and memory are gone at once', async () => {
    await using bare = new Bare({ ...variant });
    bare.put(TAG, sampleBytes(100_000));
    const fh = await bare.open(TAG);
    await bare.readAll(fh);
    const changes: string[] = [];
    bare.fs.onKernelCacheChange((change) => changes.push(change.kind));
    bare.gate.raise();
    expect(bare.names()).toEqual([]);
    expect(await errnoOf(() => bare.lookup(TAG))).toBe('ENOENT');
    expect(await errnoOf(() => bare.read(fh, 0, 10))).toBe('EPERM');
    expect(bare.fs.statfs().blocks).toBe(0);
    expect(changes, 'pages before names').toEqual(['all pages', 'delete']);
    expect(existsSync(join(bare.dir, tagName(TAG)))).toBe(true);
  });

  test('lockdown: a listing that was begun before goes on with nothing', async () => {
    await using bare = new Bare({ ...variant });
    for (const id of [1n, 2n, 3n]) bare.put(dumpTag(0x2_0000_0000n + id), sampleBytes(100));
    const [, , first] = bare.fs.readdir(0);
    expect([...bare.fs.readdir(first!.nextOffset)]).toHaveLength(2);
    bare.gate.raise();
    expect([...bare.fs.readdir(first!.nextOffset)]).toEqual([]);
    expect(bare.fs.entryOf(first!.ino, context())).toBeUndefined();
  });

  test('lockdown: a name that firmware is being asked for does not exist, and nothing is kept of it', async () => {
    await using bare = new Bare({ ...variant, latencyUs: 50_000 });
    bare.put(TAG, sampleBytes(100_000), { announced: false });
    const asked = errnoOf(() => bare.lookup(TAG));
    bare.gate.raise();
    expect(await asked).toBe('ENOENT');
    expect(bare.counts).toEqual({ inodes: 0, handles: 0 });
  });

  test('lockdown: whoever waits for a size is refused', async () => {
    await using bare = new Bare({ ...variant });
    const faults = [{ at: 0, status: 9905, times: 'always' }];
    bare.put(TAG, sampleBytes(100_000), { announcedSize: null, faults });
    const ino = await bare.lookup(TAG);
    const fh = bare.fs.open(ino, 0, context());
    const stuck = errnoOf(() => bare.fs.getattr(ino, context(), fh));
    bare.gate.raise();
    expect(await stuck).toBe('EPERM');
    expect(await errnoOf(() => bare.fs.getattr(ino, context()))).toBe('EPERM');
    bare.fs.release(fh);
    expect(await errnoOf(() => bare.fs.getattr(ino, context()))).toBe('ENOENT');
    expect(await errnoOf(() => bare.fs.listxattr(ino))).toBe('ENOENT');
    expect(await errnoOf(() => bare.fs.access(ino, 4, context()))).toBe('ENOENT');
  });

  test('lockdown: a waiting read is answered', async () => {
    await using bare = new Bare({ ...variant });
    bare.put(TAG, sampleBytes(100_000), { faults: [{ at: 0, status: 9905, times: 'always' }] });
    const fh = await bare.open(TAG);
    const stuck = errnoOf(() => bare.read(fh, 0, 4096));
    bare.gate.raise();
    expect(await stuck).toBe('EPERM');
  });

  test('vanish: cached bytes stay readable, others are ESTALE, a tag that returns is a new file', async () => {
    await using bare = new Bare({ ...variant, cacheSizeBytes: 4 * MIB });
    const bytes = sampleBytes(8 * MIB);
    bare.put(TAG, bytes);
    const ino = await bare.lookup(TAG);
    const fh = bare.fs.open(ino, 0, context());
    await bare.read(fh, 0, 4096);
    const gone = new Promise((resolve) =>
      bare.store.events.subscribe((event) => event.kind === 'removed' && resolve(0)),
    );
    unlinkSync(join(bare.dir, tagName(TAG)));
    await gone;
    expect(bare.names()).toEqual([]);
    expect((await bare.read(fh, 0, 4096)).equals(bytes.subarray(0, 4096))).toBe(true);
    expect(await errnoOf(() => bare.read(fh, 6 * MIB, 4096))).toBe('ESTALE');
    bare.put(TAG, bytes.subarray(1));
    expect(await bare.lookup(TAG)).not.toBe(ino);
  });

  test.each([
    { what: 'another dump of its length', length: 100_000, keeps: 0 },
    { what: 'a longer one', length: 300_000, keeps: 0 },
    { what: 'a shorter one', length: 50_000, keeps: 0 },
    // Only a source that needs a whole pass anyway compares more than the first chunk.
    { what: 'one that begins alike', length: 100_000, keeps: 4096 },
    { what: 'another dump, minutes after it was read,', length: 100_000, keeps: 0, passesMs: TRUST_MS },
  ])('unlink: a tag that $what has taken is EBUSY, and that is a new file', async (successorIs) => {
    const { length, keeps, passesMs = 0 } = successorIs;
    if (keeps > 0 && variant.discipline === 'librtas') return;
    let lateMs = 0;
    await using bare = new Bare({ ...variant, known: [{ tag: TAG }], now: () => performance.now() + lateMs });
    const bytes = sampleBytes(100_000);
    bare.put(TAG, bytes, { announced: false });
    const before = await bare.lookup(TAG);
    const fh = bare.fs.open(before, 0, context());
    await bare.readAll(fh);
    const dump = bare.store.find(TAG);
    expect(dump?.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    bare.fs.release(fh);
    // As where other dumps needed the handle, or the log told of a dump; the handle that is left open proves nothing.
    if (passesMs === 0) dump?.doubt();
    lateMs = passesMs;
    const successor = Buffer.concat([bytes.subarray(0, keeps), sampleBytes(length - keeps, 7)]);
    unlinkSync(join(bare.dir, tagName(TAG)));
    bare.put(TAG, successor);
    expect(await errnoOf(() => bare.unlink(TAG))).toBe('EBUSY');
    expect(bare.names()).toEqual([tagName(TAG)]);
    expect(bare.calls().some((call) => call.op === 'invalidate')).toBe(false);
    const after = await bare.lookup(TAG);
    expect(after).not.toBe(before);
    expect(bare.store.find(TAG)?.delivered).toBe(0);
    expect(await errnoOf(() => bare.unlink(TAG))).toBe('EBUSY');
    const again = bare.fs.open(after, 0, context());
    expect((await bare.readAll(again)).equals(successor)).toBe(true);
    bare.fs.release(again);
    await bare.unlink(TAG);
    expect(bare.names()).toEqual([]);
  });

  test('announce: a later event of a dump that was read makes firmware say which one it is', async () => {
    await using bare = new Bare({ ...variant, known: [{ tag: TAG }] });
    bare.put(TAG, sampleBytes(100_000), { announced: false });
    const before = await bare.lookup(TAG);
    const fh = bare.fs.open(before, 0, context());
    await bare.readAll(fh);
    bare.store.announce({ tag: TAG, announcedAtMs: Date.now() + 1000 });
    await vi.waitFor(() => expect(bare.calls().at(-1)).toMatchObject({ op: 'read', offset: 0 }), PATIENCE);
    expect(await bare.lookup(TAG), 'the same one').toBe(before);
    unlinkSync(join(bare.dir, tagName(TAG)));
    bare.put(TAG, sampleBytes(70_000, 7));
    bare.store.announce({ tag: TAG, size: 70_000, announcedAtMs: Date.now() + 2000 });
    await vi.waitFor(() => expect(bare.store.find(TAG)?.size?.bytes).toBe(70_000), PATIENCE);
    expect(await bare.lookup(TAG)).not.toBe(before);
    expect((await bare.read(fh, 0, 4096)).equals(sampleBytes(100_000).subarray(0, 4096))).toBe(true);
    bare.fs.release(fh);
  });

  test('unlink: a dump that took the tag while the last handle was awaited is listed, and not removed', async () => {
    await using bare = new Bare({ ...variant, known: [{ tag: TAG }] });
    const bytes = sampleBytes(100_000);
    bare.put(TAG, bytes, { announced: false });
    const fh = await bare.open(TAG);
    await bare.readAll(fh);
    await bare.unlink(TAG);
    unlinkSync(join(bare.dir, tagName(TAG)));
    bare.put(TAG, sampleBytes(70_000, 7));
    bare.store.announce({ tag: TAG, size: 70_000, announcedAtMs: Date.now() + 1000 });
    await vi.waitFor(() => expect(bare.names()).toEqual([tagName(TAG)]), PATIENCE);
    expect((await bare.read(fh, 0, 4096)).equals(bytes.subarray(0, 4096))).toBe(true);
    bare.fs.release(fh);
    expect((await bare.readAll(await bare.open(TAG))).equals(sampleBytes(70_000, 7))).toBe(true);
    expect(bare.calls().some((call) => call.op === 'invalidate')).toBe(false);
  });

  test('probe: a dump that was not announced is found by its name, with one call', async () => {
    await using bare = new Bare({ ...variant });
    bare.put(TAG, sampleBytes(100_000), { announced: false });
    expect(bare.names()).toEqual([]);
    await bare.lookup(TAG);
    expect(bare.calls()).toHaveLength(1);
    expect(bare.names()).toEqual([tagName(TAG)]);
  });

  test('probe: a tag that firmware does not know is ENOENT', async () => {
    await using bare = new Bare({ ...variant });
    expect(await errnoOf(() => bare.lookup(TAG))).toBe('ENOENT');
  });

  test('probe: only root and the owner of the files ask firmware; for others there is no such name', async () => {
    const [owner, stranger] = [1000, 1001];
    await using bare = new Bare({ ...variant, uid: owner });
    const [first, second] = [TAG, (TAG + 1n) as typeof TAG];
    for (const tag of [first, second]) bare.put(tag, sampleBytes(100), { announced: false });
    const asks = async (tag: typeof TAG, uid?: number): Promise<unknown> =>
      bare.fs.lookup(ROOT_INO, tagName(tag), { ...context(), uid });
    for (const uid of [stranger, undefined]) expect(await errnoOf(() => asks(first, uid))).toBe('ENOENT');
    expect(bare.calls()).toEqual([]);
    await asks(first, owner);
    await asks(second, 0);
    expect(bare.names()).toEqual([tagName(first), tagName(second)]);
    await asks(first, stranger);
  });

  test('probe: what the owner asks for keeps no question of root waiting', async () => {
    const owner = 1000;
    await using bare = new Bare({ ...variant, uid: owner });
    const stuck = { announced: false, faults: [{ at: 0, status: 9905, times: 'always' }] };
    const tags = Array.from({ length: 12 }, (_, at) => (TAG + BigInt(at)) as typeof TAG);
    const [wanted, ...others] = tags as [typeof TAG, ...(typeof TAG)[]];
    for (const tag of others) bare.put(tag, sampleBytes(100), stuck);
    const asksAs = async (tag: typeof TAG, uid: number, signal?: AbortSignal): Promise<unknown> =>
      bare.fs.lookup(ROOT_INO, tagName(tag), context(signal, uid));
    expect(await errnoOf(() => asksAs(wanted, owner))).toBe('ENOENT');
    bare.put(wanted, sampleBytes(100), { announced: false });
    const interrupt = new AbortController();
    setMaxListeners(others.length, interrupt.signal);
    const flood = others.map((tag) => errnoOf(() => asksAs(tag, owner, interrupt.signal)));
    await asksAs(wanted, 0);
    expect(bare.names()).toEqual([tagName(wanted)]);
    interrupt.abort();
    const answers = await Promise.all(flood);
    expect(new Set(answers)).toEqual(new Set(['EINTR', 'EAGAIN']));
  });

  test.each([
    { what: '255 bytes', name: 'x'.repeat(255), errno: 'ENOENT' },
    { what: '256 bytes', name: 'x'.repeat(256), errno: 'ENAMETOOLONG' },
    { what: '254 bytes in 127 letters', name: 'é'.repeat(127), errno: 'ENOENT' },
    { what: '256 bytes in 128 letters', name: 'é'.repeat(128), errno: 'ENAMETOOLONG' },
    { what: '255 bytes that are no UTF-8', name: '\ufffd'.repeat(255), errno: 'ENOENT' },
    { what: '1024 bytes', name: 'x'.repeat(1024), errno: 'ENAMETOOLONG' },
  ])('names: one of $what is $errno', async ({ name, errno }) => {
    await using bare = new Bare({ ...variant });
    expect(await errnoOf(() => bare.fs.lookup(ROOT_INO, name, context()))).toBe(errno);
    expect(await errnoOf(() => bare.fs.unlink(ROOT_INO, name, context()))).toBe(errno);
  });

  test('lookup: by inode number, as for a file handle whose inode the kernel has dropped', async () => {
    await using bare = new Bare({ ...variant });
    bare.put(TAG, sampleBytes(10));
    const ino = await bare.lookup(TAG);
    bare.fs.forget(ino, 1);
    const entry = await bare.fs.lookup(ino, '.', context());
    expect(entry.attributes.ino).toBe(ino);
    expect(bare.counts.inodes, 'it counts as a lookup').toBe(1);
    expect((await bare.readAll(bare.fs.open(ino, 0, context()))).equals(sampleBytes(10))).toBe(true);
    const parent = await bare.fs.lookup(ino, '..', context());
    expect(parent).toMatchObject({ attributes: { ino: ROOT_INO }, generation: 0 });
    const { generation } = entry;
    await using other = new Bare({ ...variant });
    other.put(TAG, sampleBytes(10));
    const elsewhere = await other.fs.lookup(ROOT_INO, tagName(TAG), context());
    expect(elsewhere.generation, 'of another mount').not.toBe(generation);
    expect(await errnoOf(() => bare.fs.lookup(ino + 1, '.', context()))).toBe('ESTALE');
    bare.gate.raise();
    expect(await errnoOf(() => bare.fs.lookup(ino, '.', context()))).toBe('ESTALE');
  });

  test('forget and release: nothing is kept of readers that have left', async () => {
    await using bare = new Bare({ ...variant });
    bare.put(TAG, sampleBytes(10));
    const ino = await bare.lookup(TAG);
    const fh = bare.fs.open(ino, 0, context());
    bare.fs.release(fh);
    bare.fs.forget(ino, 1);
    expect(bare.counts).toEqual({ inodes: 0, handles: 0 });
  });
});
