import { describe, expect, test, vi } from 'vitest';
import type { DumpTag } from '../../src/base/tag.js';
import { dumpTag } from '../../src/base/tag.js';
import type { Dump } from '../../src/dump/index.js';
import { BLOCK_BYTES, MIN_SLOTS } from '../../src/memory/index.js';
import { LOOK_MS } from '../../src/transfer/pool.js';
import type { Command } from '../../src/transfer/protocol.js';
import { errnoOf, sampleBytes } from '../support/bare.js';
import type { BenchOptions, ScriptedDump } from '../support/transfer-bench.js';
import { TransferBench, Reading, settled } from '../support/transfer-bench.js';

const BYTES = sampleBytes(10 * BLOCK_BYTES + 5);
const TAG = dumpTag(0x2_0000_0001n);

const tagOf = (index: number): DumpTag => dumpTag(0x2_0000_0001n + BigInt(index));

function script(about: Partial<ScriptedDump> = {}): ScriptedDump {
  return { bytes: BYTES, chunk: () => 4096, ...about };
}

function bench(options: Partial<BenchOptions> = {}): TransferBench {
  return new TransferBench({ resumable: false, slots: MIN_SLOTS, ...options });
}

describe('another program holds the dump', () => {
  test('readers get EBUSY at once; when it lets go the next read works', async () => {
    const firmware = script({ held: true });
    const all = bench();
    const dump = all.dump(TAG, firmware);
    const refused = new Reading(dump, 0, 4096);
    await all.run();
    expect(refused.errno).toBe('EBUSY');
    expect(all.pool.waiting).toBe(0);
    firmware.held = false;
    const reading = new Reading(dump, 0, 4096);
    await all.run();
    expect(reading.bytes?.equals(BYTES.subarray(0, 4096))).toBe(true);
  });

  test('a removal is EBUSY and may be asked for again', async () => {
    const firmware = script({ held: true });
    const all = bench();
    const dump = all.dump(TAG, firmware);
    const refused = errnoOf(() => dump.invalidate());
    await all.run();
    expect(await refused).toBe('EBUSY');
    firmware.held = false;
    const done = errnoOf(() => dump.invalidate());
    await all.run();
    expect(await done).toBeUndefined();
    expect(firmware.invalidated).toBe(true);
  });
});

describe('the thread dies', () => {
  test('in the middle of a read: EIO, and the next read gets its bytes from another thread', async () => {
    const all = bench();
    const dump = all.dump(TAG, script());
    const broken = new Reading(dump, 5 * BLOCK_BYTES, 4096);
    await settled();
    all.started[0]!.work();
    all.started[0]!.crash();
    await all.run();
    expect(broken.errno).toBe('EIO');
    const reading = new Reading(dump, 5 * BLOCK_BYTES, 4096);
    await all.run();
    expect(reading.bytes?.equals(BYTES.subarray(5 * BLOCK_BYTES, 5 * BLOCK_BYTES + 4096))).toBe(true);
    expect(all.started).toHaveLength(2);
  });

  test('readers of other dumps notice nothing', async () => {
    const all = bench();
    const [dying, other] = [0, 1].map((index) => all.dump(tagOf(index), script())) as [never, never];
    const readings = [new Reading(dying, 0, 4096), new Reading(other, 0, 4096)];
    await settled();
    all.started[0]!.crash();
    await all.run();
    expect(readings.map(({ errno }) => errno)).toEqual(['EIO', undefined]);
    expect(readings[1]!.bytes?.equals(BYTES.subarray(0, 4096))).toBe(true);
  });

  test('while firmware is told to forget: EIO, the dump is still there and can be removed', async () => {
    const firmware = script();
    const all = bench();
    const dump = all.dump(TAG, firmware);
    const whole = new Reading(dump, 0, BYTES.length);
    await all.run();
    expect(whole.bytes).toHaveLength(BYTES.length);
    const broken = errnoOf(() => dump.invalidate());
    await settled();
    all.started[0]!.crash();
    expect(await broken).toBe('EIO');
    expect(dump.lost).toBeUndefined();
    const done = errnoOf(() => dump.invalidate());
    await all.run();
    expect(await done).toBeUndefined();
    expect(firmware.invalidated).toBe(true);
  });
});

/** A dump was read to its end, and the thread has been told to have it forgotten: what is compared with is `fingerprint`. */
async function removalSent(): Promise<{
  firmware: ScriptedDump;
  all: TransferBench;
  dump: Dump;
  removal: ReturnType<typeof errnoOf>;
  fingerprint: Uint8Array;
}> {
  const firmware = script();
  const all = bench({ resumable: true, slots: 64 });
  const dump = all.dump(TAG, firmware);
  new Reading(dump, 0, BYTES.length);
  await all.run();
  const sent = vi.spyOn(all.started[0]!, 'send');
  const removal = errnoOf(() => dump.invalidate());
  await settled();
  const told = sent.mock.calls.at(-1)?.[0] as Extract<Command, { op: 'invalidate' }>;
  return { firmware, all, dump, removal, fingerprint: new Uint8Array(told.work!.fingerprint) };
}

describe('the dump is forgotten while firmware is asked for its removal', () => {
  test.each([{ another: true }, { another: false }])(
    'another one has the tag: $another',
    async ({ another }) => {
      const { firmware, all, dump, removal, fingerprint } = await removalSent();
      if (another) firmware.bytes = sampleBytes(BYTES.length, 2);
      // As when the source lists another dump already, or lockdown rises.
      dump.lose('gone');
      dump.forget();
      await all.run();
      expect(await removal).toBe(another ? 'EBUSY' : undefined);
      expect(firmware.invalidated ?? false, 'what nobody has read stays').toBe(!another);
      expect(
        fingerprint.some((byte) => byte !== 0),
        'kept',
      ).toBe(false);
    },
  );
});

test('a removal fails where nothing is left that firmware could be compared with', async () => {
  const { firmware, all, removal, fingerprint } = await removalSent();
  // As the pass does where a thread died while it wrote there.
  fingerprint.fill(0);
  await all.run();
  expect(await removal).toBe('EIO');
  expect(firmware.invalidated ?? false).toBe(false);
});

describe('firmware delivers something else than before', () => {
  test.each([
    { what: 'less', length: BYTES.length - BLOCK_BYTES },
    { what: 'more', length: BYTES.length + 1 },
  ])('$what on a second pass: ESTALE, and readers keep what they have of the first', async ({ length }) => {
    const firmware = script();
    // Too little memory to keep it: going back means asking firmware again.
    const all = bench();
    const dump = all.dump(TAG, firmware);
    const whole = new Reading(dump, 0, BYTES.length);
    await all.run();
    expect(whole.bytes?.equals(BYTES)).toBe(true);
    firmware.bytes = sampleBytes(length, 2);
    const removal = errnoOf(() => dump.invalidate());
    await settled();
    all.started[0]!.crash();
    await removal;
    // Without its handle, PAPR demands another pass, which shows what is there now.
    const late = errnoOf(() => dump.invalidate());
    await all.run();
    expect(await late).toBe('ESTALE');
    expect(dump.lost).toBe('replaced');
    expect(firmware.invalidated).toBeUndefined();
    expect(all.pinned).toBe(0);
    expect(dump.delivered).toBe(BYTES.length);
  });

  test('nothing any more at the first call: ESTALE', async () => {
    const all = bench();
    const dump = all.dump(TAG, script({ invalidated: true }));
    const reading = new Reading(dump, 0, 4096);
    await all.run();
    expect(reading.errno).toBe('ESTALE');
    expect(dump.lost).toBe('gone');
  });

  test('not to this partition, in the middle: EPERM for all readers, and nothing is kept', async () => {
    const half = 5 * BLOCK_BYTES;
    const firmware = script({ fault: (offset) => (offset >= half ? 'not-authorized' : undefined) });
    const all = bench();
    const dump = all.dump(TAG, firmware);
    const early = new Reading(dump, 0, 4096);
    await all.run();
    expect(early.bytes).toHaveLength(4096);
    const readings = [new Reading(dump, half - 100, 200), new Reading(dump, BYTES.length - 5, 5)];
    await all.run();
    expect(readings.map(({ errno }) => errno)).toEqual(['EPERM', 'EPERM']);
    const cached = new Reading(dump, 0, 4096);
    await all.run();
    expect(cached.errno).toBe('EPERM');
    expect(all.pinned).toBe(0);
  });
});

describe('firmware refuses to forget the dump', () => {
  test.each([
    { resumable: false, passes: 2 },
    // Besides the first, one look at the beginning before each attempt.
    { resumable: true, passes: 3 },
  ])('resumable $resumable: EIO, it stays and goes the next time', async ({ resumable, passes }) => {
    let begun = 0;
    const firmware = script({
      invalidateFault: 'firmware',
      fault: (offset) => {
        if (offset === 0) begun += 1;
        return undefined;
      },
    });
    const all = bench({ resumable });
    const dump = all.dump(TAG, firmware);
    const whole = new Reading(dump, 0, BYTES.length);
    await all.run();
    expect(whole.bytes).toHaveLength(BYTES.length);
    const refused = errnoOf(() => dump.invalidate());
    await all.run();
    expect(await refused).toBe('EIO');
    expect(dump.lost).toBeUndefined();
    firmware.invalidateFault = undefined;
    const done = errnoOf(() => dump.invalidate());
    await all.run();
    expect(await done).toBeUndefined();
    // After a refusal PAPR wants the dump read once more.
    expect(begun).toBe(passes);
  });
});

describe('a pass that begins in the middle', () => {
  /** A dump whose middle is not cached any more, but known by sequence. */
  async function readOnce(
    all: TransferBench,
    firmware: ScriptedDump,
  ): Promise<ReturnType<TransferBench['dump']>> {
    const dump = all.dump(TAG, firmware);
    const early = new Reading(dump, 8 * BLOCK_BYTES, 10);
    await all.run();
    expect(early.errno).toBeUndefined();
    dump.forget();
    return dump;
  }

  test('resumes at a sequence from before', async () => {
    const offsets: number[] = [];
    const firmware = script({ fault: (offset) => void offsets.push(offset) });
    const all = bench({ resumable: true });
    const dump = await readOnce(all, firmware);
    offsets.length = 0;
    const reading = new Reading(dump, 6 * BLOCK_BYTES, 10);
    await all.run();
    expect(reading.bytes?.equals(BYTES.subarray(6 * BLOCK_BYTES, 6 * BLOCK_BYTES + 10))).toBe(true);
    expect(Math.min(...offsets)).toBe(6 * BLOCK_BYTES);
  });

  test('begins at the start where firmware refuses such a sequence', async () => {
    let refuse = false;
    const firmware = script({
      fault: (offset) => {
        const refused = refuse && offset > 0;
        refuse &&= !refused;
        return refused ? 'firmware' : undefined;
      },
    });
    const all = bench({ resumable: true });
    const dump = await readOnce(all, firmware);
    refuse = true;
    const reading = new Reading(dump, 6 * BLOCK_BYTES, 10);
    await all.run();
    expect(reading.bytes?.equals(BYTES.subarray(6 * BLOCK_BYTES, 6 * BLOCK_BYTES + 10))).toBe(true);
  });

  test('and ends at once says nothing about the length: the dump may be gone', async () => {
    const firmware = script();
    const all = bench({ resumable: true });
    const dump = await readOnce(all, firmware);
    // "Complete, 0 bytes" is what firmware answers about a dump that somebody has removed.
    firmware.invalidated = true;
    const reading = new Reading(dump, 6 * BLOCK_BYTES, 10);
    await all.run();
    expect(reading.errno).toBe('ESTALE');
    expect(dump.lost).toBe('gone');
    expect(dump.isDelivered).toBe(false);
  });
});

describe('more dumps than threads', () => {
  test("a reader who leaves the queue takes nobody else's thread", async () => {
    const all = bench({ hands: 1 });
    const [first, second] = [0, 1].map((index) => all.dump(tagOf(index), script()));
    first!.addHandle();
    const reading = new Reading(first!, 0, 4096);
    await settled();
    const waiting = new Reading(second!, 0, 4096);
    expect(all.pool.waiting).toBe(1);
    waiting.abort();
    await all.run();
    expect(waiting.errno).toBe('EINTR');
    expect(reading.bytes).toHaveLength(4096);
    expect(all.pool.waiting).toBe(0);
    expect(all.started).toHaveLength(1);
  });

  test('who waits for a thread keeps no memory pinned', async () => {
    const all = bench({ hands: 1 });
    const [first, second] = [0, 1].map((index) => all.dump(tagOf(index), script()));
    const early = new Reading(first!, 0, 4 * BLOCK_BYTES);
    await all.run();
    expect(early.errno).toBeUndefined();
    first!.tick();
    // The other dump takes the only thread and is stuck with it; the first has most of what is wanted in the cache.
    const stuck = new Reading(second!, 0, 4096);
    await settled();
    const before = all.pinned;
    const half = new Reading(first!, 0, 12 * BLOCK_BYTES);
    await settled();
    expect(half.isAnswered).toBe(false);
    expect(all.pinned).toBe(before);
    await all.run();
    expect(stuck.errno).toBeUndefined();
    expect(half.bytes?.equals(BYTES)).toBe(true);
  });

  test('threads that do not come back from firmware are replaced after a while', async () => {
    const all = bench({ atWork: 2, hands: 3 });
    const dumps = [0, 1, 2].map((index) => all.dump(tagOf(index), script()));
    const [, , third] = dumps.map((dump) => new Reading(dump, 0, 4096));
    await settled();
    for (let looks = 0; looks < 3; looks += 1) {
      all.nowMs += LOOK_MS;
      all.pool.look();
      await settled();
    }
    expect(all.started).toHaveLength(3);
    while (all.started[2]!.isBusy) {
      all.started[2]!.step();
      await settled();
    }
    expect(third!.bytes?.equals(BYTES.subarray(0, 4096))).toBe(true);
  });

  test('who waits for a first byte takes the hand of one that has been served, at the end of its call', async () => {
    const all = bench({ hands: 1 });
    const [first, second] = [0, 1].map((index) => all.dump(tagOf(index), script()));
    const long = new Reading(first!, 0, BYTES.length);
    await settled();
    let early: Reading | undefined;
    let calls = 0;
    all.onCall = () => {
      calls += 1;
      if (calls === 5) early = new Reading(second!, 0, 4096);
    };
    all.started[0]!.work();
    expect(calls).toBeLessThanOrEqual(6);
    while (early?.isAnswered === false) {
      all.started[0]!.step();
      await settled();
    }
    expect(long.isAnswered).toBe(false);
    await all.run();
    expect(long.bytes?.equals(BYTES)).toBe(true);
    expect(all.started).toHaveLength(1);
  });

  test('no more passes stay open than may be, and readers go on in all of them', async () => {
    const all = bench({ passes: 2 });
    const firmware = Array.from({ length: 5 }, () => script());
    const dumps = firmware.map((each, index) => all.dump(tagOf(index), each));
    for (const at of [0, 5 * BLOCK_BYTES]) {
      for (const dump of dumps) {
        const reading = new Reading(dump, at, 4096);
        await all.run();
        expect(reading.bytes?.equals(BYTES.subarray(at, at + 4096))).toBe(true);
        expect(firmware.reduce((open, each) => open + (each.open ?? 0), 0)).toBeLessThanOrEqual(2);
      }
    }
  });
});
