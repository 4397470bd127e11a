import { describe, expect, test } from 'vitest';
import { BLOCK_BYTES } from '../../../src/memory/arena.js';
import { SourceError } from '../../../src/source/index.js';
import type { DumpPlan } from './support/scripted-dump.js';
import { ScriptedDump } from './support/scripted-dump.js';
import { HandHarness } from './support/hand-harness.js';

const B = BLOCK_BYTES;

function harness(plan: Partial<DumpPlan> = {}): HandHarness {
  return new HandHarness(
    new ScriptedDump({ sizeBytes: 3 * B, chunks: [4096], endsWithBytes: true, ...plan }),
  );
}

describe('Hand, the end of a dump', () => {
  const sizes = [0, 1, 1023, 1024, 4095, 4096, 4097, B - 1, B, B + 1, 2 * B];
  const cases = sizes.flatMap((sizeBytes) =>
    [true, false].map((endsWithBytes) => ({ sizeBytes, endsWithBytes })),
  );
  test.each(cases)('of $sizeBytes bytes, "complete" with the last ones: $endsWithBytes', (plan) => {
    const stream = harness(plan);
    expect(stream.fill({ keep: [true, true, true] })).toMatchObject({
      isEnd: true,
      position: plan.sizeBytes,
    });
  });

  test.each([
    { why: 'at the beginning', chunks: [0, 0, 0, 4096] },
    { why: 'in the middle', chunks: [4096, 0, 1000] },
    { why: 'after each chunk', chunks: [4096, 0] },
    { why: 'as the final answer', chunks: [4096, 4096, 1808, 0], endsWithBytes: false },
  ])('is not what "continue" with 0 bytes says, $why', ({ chunks, endsWithBytes = true }) => {
    const stream = harness({ sizeBytes: 10_000, chunks, endsWithBytes });
    expect(stream.fill({ keep: [true] })).toMatchObject({ isEnd: true, position: 10_000 });
  });

  test('waits for bytes that have no block yet', () => {
    const stream = harness({ sizeBytes: B + 100, chunks: [B - 1, 101] });
    expect(stream.fill({ keep: [true] })).toMatchObject({ isEnd: false, position: B });
    const rest = stream.fill({ keep: [true] });
    expect(rest).toMatchObject({ isEnd: true, position: B + 100, calls: [] });
  });

  test('at a position where a fill may stop is found out by the next one', () => {
    const stream = harness({ sizeBytes: 8192, endsWithBytes: false });
    expect(stream.fill({ keep: [true], stopIn: 8192 })).toMatchObject({ isEnd: false, position: 8192 });
    expect(stream.fill({ keep: [true] })).toMatchObject({ isEnd: true, position: 8192 });
  });
});

describe('Hand.fill', () => {
  test.each([
    { stopIn: 1, calls: 1 },
    { stopIn: 4096, calls: 1 },
    { stopIn: 4097, calls: 2 },
    { stopIn: B, calls: 16 },
    { stopIn: 2 * B, calls: 16 },
  ])('of one block that may stop after $stopIn bytes makes $calls call(s)', ({ stopIn, calls }) => {
    const result = harness().fill({ keep: [true], stopIn });
    expect(result).toMatchObject({ position: calls * 4096, isEnd: false, error: undefined });
    expect(result.calls).toHaveLength(calls);
  });

  test('reads past what nobody keeps without touching a slot', () => {
    const stream = harness();
    expect(stream.fill({ keep: [false, false] })).toMatchObject({ position: 2 * B, isEnd: false });
    expect(stream.fill({ keep: [true] })).toMatchObject({ isEnd: true, position: 3 * B });
  });

  test('hands firmware the place itself, so that whole chunks are not copied', () => {
    const stream = harness();
    const { calls } = stream.fill({ keep: [true] });
    expect(calls.map((call) => call.roomBytes)).toEqual(Array.from({ length: 16 }, (_, at) => B - at * 4096));
  });

  test('of a pass that is not wanted any more ends after the current call', () => {
    const stream = harness();
    stream.dump.onCall = (offset) => {
      if (offset === 8192) stream.control.want(0);
    };
    expect(stream.fill({ keep: [true] })).toMatchObject({ position: 12_288, isEnd: false });
    stream.renew();
    expect(stream.fill({ keep: [true] })).toMatchObject({ start: 12_288, position: B, isEnd: false });
  });

  test('goes on in another hand, with the bytes that had no block yet', () => {
    const stream = new HandHarness(
      new ScriptedDump({ sizeBytes: 3 * B, chunks: [1000, 4095], endsWithBytes: true }),
      true,
    );
    for (let at = 0; at < 3; at += 1) stream.fill({ keep: [true] });
    expect(stream.fill({ keep: [true] })).toMatchObject({ isEnd: true, position: 3 * B });
    expect(stream.dump.actions).toEqual(['open']);
  });
});

describe('Hand, the wished-for progress event', () => {
  test.each([
    { wakeAt: 1, at: 4096 },
    { wakeAt: 4096, at: 4096 },
    { wakeAt: 10_000, at: 12_288 },
    { wakeAt: 2 * B - 4096, at: 2 * B - 4096 },
  ])('for $wakeAt comes once, at $at', ({ wakeAt, at }) => {
    const stream = harness();
    stream.control.wakeAt(wakeAt);
    const calls: number[] = [];
    const moveTo = stream.control.moveTo.bind(stream.control);
    stream.control.moveTo = (offset) => {
      const wakes = moveTo(offset);
      if (wakes) calls.push(stream.dump.calls.length);
      return wakes;
    };
    expect(stream.fill({ keep: [true, true] }).progress).toBe(1);
    expect(calls).toEqual([at / 4096]);
  });

  test('does not come at the end of a fill, which says the same', () => {
    const stream = harness();
    stream.control.wakeAt(2 * B);
    const { progress, position } = stream.fill({ keep: [true, true] });
    expect({ progress, position }).toEqual({ progress: 0, position: 2 * B });
  });

  test('does not come when the position stays before it', () => {
    const stream = harness();
    stream.control.wakeAt(2 * B + 1);
    expect(stream.fill({ keep: [true, true] }).progress).toBe(0);
  });
});

describe('Hand, failures', () => {
  const error = { kind: 'firmware', message: 'hardware error', status: -1 };

  test('a failed call is told with its position, and later fills of its pass are skipped', () => {
    const stream = harness({ failures: [2] });
    expect(stream.fill({ keep: [true] })).toMatchObject({ position: 8192, error });
    expect(stream.fill({ keep: [true] })).toMatchObject({ position: 8192, error: undefined, calls: [] });
    stream.renew();
    expect(stream.fill({ keep: [true] })).toMatchObject({ start: 8192, position: B, error: undefined });
    expect(stream.dump.actions).toEqual(['open']);
  });

  test('what no source foresaw is a failure of the interface', () => {
    const stream = harness();
    stream.dump.onCall = () => {
      throw new TypeError('x is undefined');
    };
    expect(stream.fill({ keep: [true] }).error).toEqual({ kind: 'interface', message: 'x is undefined' });
  });

  test('a pass that cannot be opened stands nowhere', () => {
    const stream = harness();
    const held = { kind: 'held', message: 'another program has it open' } as const;
    stream.dump.openFailure = new SourceError(held);
    expect(stream.fill({ keep: [true] })).toMatchObject({ position: 0, error: held, calls: [] });
    expect(stream.standing).toBeUndefined();
  });
});

describe('Hand, the pass', () => {
  test('is closed before the next one is opened', () => {
    const stream = harness();
    stream.fill({ keep: [true] });
    stream.open();
    stream.fill({ keep: [true] });
    expect(stream.dump.actions).toEqual(['open', 'close', 'open']);
  });

  test('begins anew: position, end and bytes left over', () => {
    const stream = harness({ sizeBytes: B + 100, chunks: [B - 1, 101] });
    stream.fill({ keep: [true] });
    stream.open();
    expect(stream.fill({ keep: [true, true] })).toMatchObject({ start: 0, isEnd: true, position: B + 100 });
  });

  test('leaves no bytes of the dump outside of the arena when it is closed', () => {
    const stream = harness({ chunks: [4000] });
    stream.fill({ keep: [false] });
    const bounce = new Uint8Array(stream.bounce);
    expect(bounce.some((byte) => byte !== 0)).toBe(true);
    expect(stream.close()).toEqual([{ op: 'closed', pass: 0 }]);
    expect(bounce.some((byte) => byte !== 0)).toBe(false);
    expect(stream.dump.actions).toEqual(['open', 'close']);
  });

  test('is invalidated when it is told, and only then', () => {
    const stream = harness({ sizeBytes: 100 });
    stream.fill({ keep: [true] });
    expect(stream.dump.actions).toEqual(['open']);
    expect(stream.invalidate()).toMatchObject([{ op: 'invalidated', error: undefined }]);
    expect(stream.dump.actions).toEqual(['open', 'invalidate']);
  });

  test('tells what its invalidation failed with', () => {
    const stream = harness();
    const unfinished = { kind: 'unfinished', message: 'not read to its end' } as const;
    stream.dump.invalidateFailure = new SourceError(unfinished);
    expect(stream.invalidate()).toMatchObject([{ op: 'invalidated', error: unfinished }]);
  });
});
