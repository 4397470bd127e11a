import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Announcement } from '../../../src/base/announcement.js';
import { FsError } from '../../../src/base/errno.js';
import { createLogger } from '../../../src/base/log.js';
import { dumpTag } from '../../../src/base/tag.js';
import type { Dump, HandedDump } from '../../../src/dump/index.js';
import { BLOCK_BYTES } from '../../../src/memory/index.js';
import { IDLE_CLOSE_MS, TRUST_MS } from '../../../src/transfer/transfer.js';
import { errnoOf, sampleBytes } from '../../support/bare.js';
import type { BenchOptions, ScriptedDump } from '../../support/transfer-bench.js';
import { Reading, settled, TransferBench } from '../../support/transfer-bench.js';

const TAG = dumpTag(0x2_0000_0001n);
const CHUNK = 4096;
const BYTES = sampleBytes(3 * CHUNK);
const OTHER = sampleBytes(3 * CHUNK, 2);

/** One dump, and what firmware was asked about it. */
class Scene {
  readonly bench: TransferBench;
  readonly firmware: ScriptedDump;
  readonly dump: Dump;
  readonly lost: string[] = [];
  calls = 0;

  constructor(options: Partial<BenchOptions> = {}, bytes: Uint8Array = BYTES) {
    this.bench = new TransferBench({ resumable: true, slots: 64, ...options });
    this.bench.onCall = () => void (this.calls += 1);
    this.firmware = { bytes, chunk: () => CHUNK };
    this.dump = this.bench.dump(TAG, this.firmware);
    this.dump.events.subscribe((event) => {
      if (event.kind === 'lost') this.lost.push(event.why);
    });
  }

  /** A reader takes all of it. */
  async readWhole(): Promise<this> {
    const reading = new Reading(this.dump, 0, this.firmware.bytes.length);
    await this.bench.run();
    expect(reading.errno).toBeUndefined();
    expect(this.dump.isDelivered).toBe(true);
    this.calls = 0;
    return this;
  }

  /** @returns the errno, or undefined: firmware was told */
  async remove(isForced = false): Promise<string | undefined> {
    const removal = errnoOf(() => this.dump.invalidate(isForced));
    await this.bench.run();
    return removal;
  }

  get isInvalidated(): boolean {
    return this.firmware.invalidated === true;
  }
}

const LIBRTAS = { resumable: true } as const;
const PAPR = { resumable: false } as const;

describe('a source that goes on anywhere compares the first chunk', () => {
  test.each([
    { what: 'one call', chunk: CHUNK, calls: 1 },
    { what: 'several calls', chunk: 1000, calls: 5 },
  ])('with $what, and firmware is told', async ({ chunk, calls }) => {
    const scene = await new Scene(LIBRTAS).readWhole();
    scene.firmware.chunk = () => chunk;
    expect(await scene.remove()).toBeUndefined();
    expect(scene.isInvalidated).toBe(true);
    expect(scene.calls).toBe(calls);
    expect(scene.lost).toEqual([]);
  });

  test('or all of it where it is shorter than that', async () => {
    const scene = await new Scene(LIBRTAS, BYTES.subarray(0, 100)).readWhole();
    expect(await scene.remove()).toBeUndefined();
    expect(scene.isInvalidated).toBe(true);
  });

  const small = BYTES.subarray(0, 100);
  test.each([
    { what: 'another dump', before: BYTES, now: OTHER, errno: 'EBUSY', lost: 'replaced' },
    {
      what: 'one that differs in one byte',
      before: BYTES,
      now: changedAt(CHUNK - 1),
      errno: 'EBUSY',
      lost: 'replaced',
    },
    {
      what: 'one that ends earlier',
      before: small,
      now: small.subarray(0, 99),
      errno: 'EBUSY',
      lost: 'replaced',
    },
    { what: 'nothing', before: BYTES, now: small.subarray(0, 0), errno: 'ESTALE', lost: 'gone' },
  ])('and firmware that has $what is not told', async ({ before, now, errno, lost }) => {
    const scene = await new Scene(LIBRTAS, before).readWhole();
    scene.firmware.bytes = now;
    expect(await scene.remove()).toBe(errno);
    expect(scene.isInvalidated).toBe(false);
    expect(scene.lost).toEqual([lost]);
    expect(await errnoOf(() => scene.dump.invalidate()), 'for good').toBe('ESTALE');
  });

  test.each([
    { when: 'forced', options: LIBRTAS, isForced: true },
    {
      when: 'the source tells dumps apart itself',
      options: { ...LIBRTAS, knowsIncarnations: true },
      isForced: false,
    },
  ])('nothing is compared where it is $when', async ({ options, isForced }) => {
    const scene = await new Scene(options).readWhole();
    scene.firmware.bytes = OTHER;
    expect(await scene.remove(isForced)).toBeUndefined();
    expect(scene.isInvalidated).toBe(true);
    expect(scene.calls).toBe(0);
  });

  test('what another process has delivered is compared also by a source that tells dumps apart', async () => {
    const scene = new Scene({ ...LIBRTAS, knowsIncarnations: true });
    scene.dump.inherit(handed());
    scene.firmware.bytes = OTHER;
    expect(await scene.remove()).toBe('EBUSY');
    expect(scene.isInvalidated).toBe(false);
  });

  test('nor is anything asked for where a dump that nobody has read is forced', async () => {
    const scene = new Scene(LIBRTAS);
    expect(await scene.remove(true)).toBeUndefined();
    expect(scene.isInvalidated).toBe(true);
    expect(scene.calls).toBe(0);
  });

  test('nothing that could be compared: firmware is not told', async () => {
    const scene = new Scene(LIBRTAS);
    expect(await scene.remove()).toBe('EIO');
    expect(scene.isInvalidated).toBe(false);
    expect(scene.lost).toEqual([]);
  });
});

describe('a source that has to read to the end', () => {
  test.each([
    { when: 'has just done so', waitMs: TRUST_MS - 1, doubt: false, isForced: false, calls: 0 },
    { when: 'did so long ago', waitMs: TRUST_MS, doubt: false, isForced: false, calls: 3 },
    { when: 'may have another dump since', waitMs: 0, doubt: true, isForced: false, calls: 3 },
    { when: 'did so long ago, and is forced', waitMs: TRUST_MS, doubt: false, isForced: true, calls: 0 },
  ])('that $when makes $calls calls', async ({ waitMs, doubt, isForced, calls }) => {
    const scene = await new Scene(PAPR).readWhole();
    scene.bench.nowMs += waitMs;
    if (doubt) scene.dump.doubt();
    expect(await scene.remove(isForced)).toBeUndefined();
    expect(scene.isInvalidated).toBe(true);
    expect(scene.calls).toBe(calls);
  });

  test.each([
    { what: 'another dump', now: OTHER },
    { what: 'one that differs in its last byte', now: changedAt(BYTES.length - 1) },
    { what: 'one that ends earlier', now: BYTES.subarray(0, 2 * CHUNK) },
  ])('finds $what, and firmware is not told', async ({ now }) => {
    const scene = await new Scene(PAPR).readWhole();
    scene.dump.doubt();
    scene.firmware.bytes = now;
    expect(await scene.remove()).toBe('ESTALE');
    expect(scene.isInvalidated).toBe(false);
    expect(scene.lost).toHaveLength(1);
  });

  test('tells firmware of whatever is there where it is forced', async () => {
    const scene = new Scene(PAPR);
    expect(await scene.remove(true)).toBeUndefined();
    expect(scene.isInvalidated).toBe(true);
  });

  test('and finds nothing there any more: the dump is gone', async () => {
    const scene = await new Scene(PAPR).readWhole();
    scene.dump.doubt();
    scene.firmware.bytes = BYTES.subarray(0, 0);
    expect(await scene.remove()).toBe('ESTALE');
    expect(scene.lost).toEqual(['gone']);
  });

  test.each([
    { what: 'was never read', known: undefined },
    { what: 'another process has read', known: knownOf(BYTES.length) },
  ])('does not begin one because a dump is doubted that $what', async ({ known }) => {
    const scene = new Scene(PAPR);
    scene.dump.inherit({ ...handed(), known });
    scene.dump.doubt();
    await scene.bench.run();
    expect(scene.calls).toBe(0);
  });
});

describe('a removal that is forced compares nothing, and what it has read proves nothing', () => {
  const whole = sampleBytes(40 * BLOCK_BYTES);
  const other = sampleBytes(40 * BLOCK_BYTES, 2);

  /** The first block was read, the handle given back, and another dump has the tag: its forced removal is under way. */
  async function forced(): Promise<{ scene: Scene; removal: Promise<string | undefined> }> {
    const scene = new Scene(PAPR, whole);
    new Reading(scene.dump, 0, CHUNK);
    await scene.bench.run();
    scene.bench.nowMs += IDLE_CLOSE_MS;
    scene.dump.tick();
    await scene.bench.run();
    expect(scene.firmware.open).toBe(0);
    scene.firmware.bytes = other;
    const removal = errnoOf(() => scene.dump.invalidate(true));
    await settled();
    return { scene, removal };
  }

  test('for a reader who comes meanwhile: no byte of the other dump is delivered', async () => {
    const { scene, removal } = await forced();
    const reading = new Reading(scene.dump, whole.length - CHUNK, CHUNK);
    await scene.bench.run();
    expect(await removal).toBeUndefined();
    expect(scene.isInvalidated).toBe(true);
    expect(reading.errno).toBe('EBUSY');
  });

  test('once firmware refuses, and the other dump is no longer than what was delivered', async () => {
    const { scene, removal } = await forced();
    scene.firmware.bytes = other.subarray(0, CHUNK);
    scene.firmware.invalidateFault = 'firmware';
    await scene.bench.run();
    expect(await removal).toBe('EIO');
    expect(scene.dump.isDelivered).toBe(false);
    expect(scene.dump.size?.bytes).toBe(whole.length);
  });

  test.each([
    { how: 'taken back', steps: 0, errno: 'EINTR' },
    { how: 'taken back halfway', steps: 3, errno: 'EINTR' },
    { how: 'refused', steps: Infinity, errno: 'EIO' },
  ])('once it is $how, for whoever reads next', async ({ steps, errno }) => {
    const { scene, removal } = await forced();
    scene.firmware.invalidateFault = 'firmware';
    const thread = scene.bench.started[0]!;
    for (let at = 0; at < steps && thread.isBusy; at += 1) thread.step();
    scene.dump.cancelInvalidate();
    await scene.bench.run();
    expect(await removal).toBe(errno);
    const reading = new Reading(scene.dump, whole.length - CHUNK, CHUNK);
    await scene.bench.run();
    expect(reading.errno).toBe('ESTALE');
    expect(scene.lost).toEqual(['replaced']);
  });

  test.each(['taken back', 'refused'])('once it is %s, for a removal that is not forced', async (how) => {
    const { scene, removal } = await forced();
    if (how === 'refused') scene.firmware.fault = () => 'firmware';
    else scene.dump.cancelInvalidate();
    await scene.bench.run();
    expect(await removal).toBe(how === 'refused' ? 'EIO' : 'EINTR');
    scene.firmware.fault = undefined;
    expect(await scene.remove()).toBe('ESTALE');
    expect(scene.isInvalidated).toBe(false);
  });
});

describe('what firmware answers', () => {
  test.each([
    { fault: 'firmware', errno: 'EIO', lost: [], says: 'firmware call failed' },
    { fault: 'not-authorized', errno: 'EPERM', lost: [], says: 'firmware call failed' },
    { fault: 'gone', errno: 'ESTALE', lost: ['gone'], says: 'firmware no longer knows this dump' },
    { fault: 'replaced', errno: 'EBUSY', lost: ['replaced'], says: 'firmware holds another dump' },
  ] as const)('$fault to a removal is $errno, and the log says so', async ({ fault, errno, lost, says }) => {
    const lines: string[] = [];
    const log = createLogger({ level: 'info', format: 'text', write: (line) => void lines.push(line) });
    const scene = await new Scene({ ...LIBRTAS, log }).readWhole();
    scene.firmware.invalidateFault = fault;
    const failure = scene.dump.invalidate().catch(FsError.from);
    await scene.bench.run();
    expect(await failure).toMatchObject({ code: errno, fields: { op: 'removal' } });
    expect(lines.join('\n')).toContain(says);
    expect(scene.isInvalidated).toBe(false);
    expect(scene.lost).toEqual(lost);
    if (lost.length > 0) return;
    scene.firmware.invalidateFault = undefined;
    expect(await scene.remove(), 'and it can be tried again').toBeUndefined();
    expect(scene.firmware.open, 'no handle is left open').toBe(0);
  });
});

describe('compare', () => {
  async function compared(scene: Scene): Promise<string | undefined> {
    const done = errnoOf(() => scene.dump.compare());
    await scene.bench.run();
    return done;
  }

  test.each([
    { what: 'the same', now: BYTES, lost: [] },
    { what: 'another one', now: OTHER, lost: ['replaced'] },
    { what: 'none', now: BYTES.subarray(0, 0), lost: ['gone'] },
  ])('finds $what with one call, and removes nothing', async ({ now, lost }) => {
    const scene = await new Scene(LIBRTAS).readWhole();
    scene.firmware.bytes = now;
    await compared(scene);
    expect(scene.lost).toEqual(lost);
    expect(scene.calls).toBe(1);
    expect(scene.isInvalidated).toBe(false);
  });

  test('asks nothing about a dump that was never read, or is lost', async () => {
    const untouched = new Scene(LIBRTAS);
    expect(await compared(untouched)).toBeUndefined();
    expect(untouched.calls).toBe(0);
    const gone = await new Scene(LIBRTAS).readWhole();
    gone.dump.lose('gone');
    expect(await compared(gone)).toBeUndefined();
    expect(gone.calls).toBe(0);
  });

  test('is EBUSY while another one is under way, and a removal waits for it', async () => {
    const scene = await new Scene(LIBRTAS).readWhole();
    const first = errnoOf(() => scene.dump.compare());
    const second = errnoOf(() => scene.dump.compare());
    const removal = errnoOf(() => scene.dump.invalidate());
    expect(scene.dump.cancelInvalidate(), 'nothing to take back').toBe(true);
    await scene.bench.run();
    expect([await first, await second, await removal]).toEqual([undefined, 'EBUSY', undefined]);
    expect(scene.isInvalidated).toBe(true);
    expect(scene.calls, 'one for each').toBe(2);
  });

  test('that fails is that failure, and a removal after it asks again', async () => {
    const scene = await new Scene(LIBRTAS).readWhole();
    scene.firmware.fault = () => 'firmware';
    const first = errnoOf(() => scene.dump.compare());
    const removal = errnoOf(() => scene.dump.invalidate());
    await settled();
    scene.bench.started[0]!.work();
    scene.firmware.fault = undefined;
    await scene.bench.run();
    expect([await first, await removal]).toEqual(['EIO', undefined]);
    expect(scene.isInvalidated).toBe(true);
  });

  test('that finds another dump ends the removal that waits for it', async () => {
    const scene = await new Scene(LIBRTAS).readWhole();
    scene.firmware.bytes = OTHER;
    void errnoOf(() => scene.dump.compare());
    expect(await scene.remove()).toBe('ESTALE');
    expect(scene.isInvalidated).toBe(false);
    expect(scene.calls).toBe(1);
  });
});

describe('cancelInvalidate', () => {
  test('of what nobody asked for has nothing to do', async () => {
    expect(new Scene().dump.cancelInvalidate()).toBe(true);
    expect((await new Scene().readWhole()).dump.cancelInvalidate()).toBe(true);
  });

  test('before firmware is told is EINTR, and firmware is not told', async () => {
    const scene = new Scene(PAPR);
    const removal = errnoOf(() => scene.dump.invalidate());
    await settled();
    expect(scene.dump.cancelInvalidate()).toBe(true);
    await scene.bench.run();
    expect(await removal).toBe('EINTR');
    expect(scene.isInvalidated).toBe(false);
  });

  test('halfway through the dump leaves readers the pass that it was read by', async () => {
    let begun = 0;
    const bytes = sampleBytes(40 * BLOCK_BYTES);
    const scene = new Scene(PAPR, bytes);
    scene.firmware.fault = (offset) => void (begun += offset === 0 ? 1 : 0);
    const removal = errnoOf(() => scene.dump.invalidate());
    await settled();
    scene.bench.started[0]!.step();
    expect(scene.dump.cancelInvalidate()).toBe(true);
    const reading = new Reading(scene.dump, bytes.length - CHUNK, CHUNK);
    await scene.bench.run();
    expect(await removal).toBe('EINTR');
    expect(reading.bytes).toHaveLength(CHUNK);
    expect(begun).toBe(1);
  });

  test('once firmware is told is too late, for a second removal as well', async () => {
    const scene = await new Scene(LIBRTAS).readWhole();
    const removal = errnoOf(() => scene.dump.invalidate());
    await settled();
    expect(scene.dump.cancelInvalidate()).toBe(false);
    expect(await errnoOf(() => scene.dump.invalidate())).toBe('EBUSY');
    await scene.bench.run();
    expect(await removal).toBeUndefined();
    expect(scene.isInvalidated).toBe(true);
  });
});

describe('lose', () => {
  test('counts once, but for lockdown', () => {
    const scene = new Scene();
    for (const why of ['gone', 'replaced', 'locked'] as const) scene.dump.lose(why);
    expect(scene.lost).toEqual(['gone', 'locked']);
    expect(scene.dump.lost).toBe('locked');
  });

  test.each([
    { why: 'gone', isKept: true },
    { why: 'replaced', isKept: true },
    { why: 'locked', isKept: true },
    { why: 'mixed', isKept: false },
    { why: 'not-authorized', isKept: false },
  ] as const)('because it is $why keeps what was fetched: $isKept', async ({ why, isKept }) => {
    const scene = await new Scene(LIBRTAS).readWhole();
    scene.dump.isSaved = true;
    scene.dump.lose(why);
    const { delivered, isDelivered, isSaved } = scene.dump;
    expect({ delivered, isDelivered, isSaved }).toEqual({
      delivered: isKept ? BYTES.length : 0,
      isDelivered: isKept,
      isSaved: isKept,
    });
    expect(await scene.remove()).toBe(why === 'locked' || why === 'not-authorized' ? 'EPERM' : 'ESTALE');
    expect(scene.isInvalidated).toBe(false);
  });

  test('of a dump that firmware was never asked about ends removals, forced ones too, and asks nothing', async () => {
    const scene = new Scene(LIBRTAS);
    scene.dump.lose('mixed');
    expect(await scene.remove(true)).toBe('ESTALE');
    expect(scene.isInvalidated).toBe(false);
    expect(scene.bench.started, 'threads').toEqual([]);
  });

  test('ends readers and removals that wait', async () => {
    const scene = new Scene(PAPR);
    const reading = new Reading(scene.dump, 0, CHUNK);
    const removal = errnoOf(() => scene.dump.invalidate());
    await settled();
    scene.dump.lose('locked');
    await scene.bench.run();
    expect([reading.errno, await removal]).toEqual(['EPERM', 'EPERM']);
    expect(scene.isInvalidated).toBe(false);
  });
});

describe('inherit', () => {
  test.each([
    { what: 'all of it', changes: {}, isDelivered: true, isSaved: true, delivered: BYTES.length },
    {
      what: 'all of it, and no copy',
      changes: { isSaved: false },
      isDelivered: true,
      isSaved: false,
      delivered: BYTES.length,
    },
    {
      what: 'more than is known',
      changes: { known: { ...knownOf(2 * CHUNK), isWhole: false } },
      isDelivered: false,
      isSaved: false,
      delivered: 2 * CHUNK,
    },
    {
      what: 'two pieces',
      changes: { delivered: [0, 10, 20, 30] },
      isDelivered: false,
      isSaved: false,
      delivered: 20,
    },
    {
      what: 'what is not known again',
      changes: { known: undefined },
      isDelivered: false,
      isSaved: false,
      delivered: 0,
    },
  ])('of $what: delivered $isDelivered, saved $isSaved', ({ changes, ...expected }) => {
    const { dump } = new Scene(LIBRTAS);
    dump.inherit({ ...handed(), ...changes });
    const { isDelivered, isSaved, delivered } = dump;
    expect(expected).toMatchObject({ isDelivered, isSaved, delivered });
  });

  test.each([
    { origin: 'announced', bytes: 7 },
    { origin: 'directory', bytes: 7 },
    // It says so again.
    { origin: 'source', bytes: undefined },
  ] as const)('takes over a size that is $origin: $bytes, which may turn out wrong', ({ origin, bytes }) => {
    const { dump } = new Scene({ ...LIBRTAS, announced: false });
    dump.inherit({ ...handed(), known: undefined, size: { bytes: 7, origin, exact: true } });
    expect(dump.size).toEqual(bytes === undefined ? undefined : { bytes, origin, exact: false });
  });

  test.each([
    { what: 'a dump that is known again', known: { ...knownOf(CHUNK), isWhole: false }, bytes: 7 },
    // The next dump under the tag may be another one.
    { what: 'one that is not', known: undefined, bytes: undefined },
  ])('where the source lists dumps, of $what, takes over a size of $bytes', ({ known, bytes }) => {
    const { dump } = new Scene({ ...LIBRTAS, lists: true, announced: false });
    dump.inherit({ ...handed(), known, size: { bytes: 7, origin: 'directory', exact: false } });
    expect(dump.size?.bytes).toBe(bytes);
  });

  test('without a size keeps its own', () => {
    const { dump } = new Scene(LIBRTAS);
    dump.inherit({ ...handed(), known: undefined, size: undefined });
    expect(dump.size?.bytes).toBe(BYTES.length);
  });
});

describe('isNews', () => {
  const at = (announcedAtMs?: number, isRemembered?: true): Announcement => ({
    tag: TAG,
    ...(isRemembered && { isRemembered }),
    ...(announcedAtMs !== undefined && { announcedAtMs }),
  });

  test('is what is later than all that is known of the dump, and no old knowledge', () => {
    const { dump } = new Scene();
    const nowMs = dump.announcedAtMs;
    expect([at(nowMs), at(nowMs - 1), at(), at(nowMs + 1, true)].map((one) => dump.isNews(one))).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(dump.isNews(at(nowMs + 1))).toBe(true);
    dump.settle(at(nowMs + 1));
    expect([dump.isNews(at(nowMs + 1)), dump.isNews(at(nowMs + 2))]).toEqual([false, true]);
    // An older one makes nothing younger.
    dump.settle(at(nowMs));
    dump.settle(at());
    expect([dump.isNews(at(nowMs + 1)), dump.isNews(at(nowMs + 2))]).toEqual([false, true]);
  });
});

function changedAt(at: number): Uint8Array {
  const other = Uint8Array.from(BYTES);
  other[at] = (other[at] ?? 0) ^ 1;
  return other;
}

function knownOf(length: number): NonNullable<HandedDump['known']> {
  const digest = (end: number): string => createHash('sha256').update(BYTES.subarray(0, end)).digest('hex');
  return { length, digest: digest(length), beginning: digest(CHUNK), isWhole: true };
}

/** All of it was delivered by another process, and saved. */
function handed(): HandedDump {
  return {
    serial: 1,
    tag: TAG,
    announcedAtMs: 1,
    size: undefined,
    known: knownOf(BYTES.length),
    delivered: [0, BYTES.length],
    isSaved: true,
    isUnlinked: false,
    lost: undefined,
  };
}
