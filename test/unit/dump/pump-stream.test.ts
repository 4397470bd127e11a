import { describe, expect, test } from 'vitest';
import { dumpTag } from '../../../src/base/tag.js';
import { BLOCK_BYTES } from '../../../src/dump/arena.js';
import type { PumpCommand, PumpEvent } from '../../../src/dump/pump-protocol.js';
import { SourceError } from '../../../src/source/index.js';
import type { DumpPlan } from './support/scripted-dump.js';
import { ScriptedDump } from './support/scripted-dump.js';
import { StreamHarness } from './support/stream-harness.js';

const B = BLOCK_BYTES;
const OPEN: PumpCommand = { op: 'open', tag: dumpTag(1n), resume: 0n, offset: 0, detail: undefined };

function harness(plan: Partial<DumpPlan> = {}): StreamHarness {
  return new StreamHarness(
    new ScriptedDump({ sizeBytes: 3 * B, chunks: [4096], endsWithBytes: true, ...plan }),
  );
}

function opened(plan: Partial<DumpPlan> = {}): StreamHarness {
  const made = harness(plan);
  made.open();
  return made;
}

describe('PumpStream, the end of a dump', () => {
  const sizes = [0, 1, 1023, 1024, 4095, 4096, 4097, B - 1, B, B + 1, 2 * B];
  const cases = sizes.flatMap((sizeBytes) =>
    [true, false].map((endsWithBytes) => ({ sizeBytes, endsWithBytes })),
  );
  test.each(cases)('of $sizeBytes bytes, "complete" with the last ones: $endsWithBytes', (plan) => {
    const stream = opened(plan);
    const { events, position } = stream.fill({ keep: [true, true, true] });
    expect(events).toEqual([{ op: 'end', position: plan.sizeBytes }]);
    expect(position).toBe(plan.sizeBytes);
  });

  test.each([
    { why: 'at the beginning', chunks: [0, 0, 0, 4096] },
    { why: 'in the middle', chunks: [4096, 0, 1000] },
    { why: 'after each chunk', chunks: [4096, 0] },
    { why: 'as the final answer', chunks: [4096, 4096, 1808, 0], endsWithBytes: false },
  ])('is not what "continue" with 0 bytes says, $why', ({ chunks, endsWithBytes = true }) => {
    const stream = opened({ sizeBytes: 10_000, chunks, endsWithBytes });
    expect(stream.fill({ keep: [true] }).events).toEqual([{ op: 'end', position: 10_000 }]);
  });

  test('waits for bytes that have no block yet', () => {
    const stream = opened({ sizeBytes: B + 100, chunks: [B - 1, 101] });
    expect(stream.fill({ keep: [true] })).toMatchObject({ events: [], position: B });
    const rest = stream.fill({ keep: [true] });
    expect(rest).toMatchObject({ events: [{ op: 'end', position: B + 100 }], calls: [] });
  });

  test('at a position where a fill may stop is found out by the next one', () => {
    const stream = opened({ sizeBytes: 8192, endsWithBytes: false });
    expect(stream.fill({ keep: [true], stopIn: 8192 })).toMatchObject({ events: [], position: 8192 });
    expect(stream.fill({ keep: [true] }).events).toEqual([{ op: 'end', position: 8192 }]);
  });
});

describe('PumpStream.fill', () => {
  test.each([
    { stopIn: 1, calls: 1 },
    { stopIn: 4096, calls: 1 },
    { stopIn: 4097, calls: 2 },
    { stopIn: B, calls: 16 },
    { stopIn: 2 * B, calls: 16 },
  ])('of one block that may stop after $stopIn bytes makes $calls call(s)', ({ stopIn, calls }) => {
    const { position, events, calls: made } = opened().fill({ keep: [true], stopIn });
    expect(made).toHaveLength(calls);
    expect(position).toBe(calls * 4096);
    expect(events).toEqual([]);
  });

  test('reads past what nobody keeps without touching a slot', () => {
    const stream = opened();
    expect(stream.fill({ keep: [false, false] })).toMatchObject({ position: 2 * B, events: [] });
    expect(stream.fill({ keep: [true] }).events).toEqual([{ op: 'end', position: 3 * B }]);
  });

  test('hands firmware the place itself, so that whole chunks are not copied', () => {
    const stream = opened();
    const { calls } = stream.fill({ keep: [true] });
    expect(calls.map((call) => call.roomBytes)).toEqual(Array.from({ length: 16 }, (_, at) => B - at * 4096));
  });

  test('before any open makes no call', () => {
    const result = harness().fill({ keep: [true] });
    expect(result).toMatchObject({ position: 0, events: [], calls: [] });
  });

  test('of an epoch that ends while it runs ends after the current call', () => {
    const stream = opened();
    stream.dump.onCall = (offset) => {
      if (offset === 8192) stream.nextEpoch();
    };
    expect(stream.fill({ keep: [true] })).toMatchObject({ position: 12_288, events: [] });
    expect(stream.fill({ keep: [true] })).toMatchObject({ start: 12_288, position: B, events: [] });
  });
});

describe('PumpStream, the wished-for progress event', () => {
  test.each([
    { wakeAt: 1, at: 4096 },
    { wakeAt: 4096, at: 4096 },
    { wakeAt: 10_000, at: 12_288 },
    { wakeAt: 2 * B, at: 2 * B },
  ])('for $wakeAt comes once, at $at', ({ wakeAt, at }) => {
    const stream = opened();
    stream.control.wakeAt(wakeAt);
    const { events, calls } = eventsWithCalls(stream);
    expect(events).toEqual([{ op: 'progress' }]);
    expect(calls[0]).toBe(at / 4096);
  });

  test('does not come when the position stays before it', () => {
    const stream = opened();
    stream.control.wakeAt(2 * B + 1);
    expect(stream.fill({ keep: [true, true] }).events).toEqual([]);
  });

  test('precedes the end that the same call brings', () => {
    const stream = opened({ sizeBytes: 5000 });
    stream.control.wakeAt(5000);
    expect(stream.fill({ keep: [true] }).events.map(({ op }) => op)).toEqual(['progress', 'end']);
  });

  /** Events of a fill, and how many calls had been made when each came. */
  function eventsWithCalls(stream: StreamHarness): { events: readonly PumpEvent[]; calls: number[] } {
    const calls: number[] = [];
    const moveTo = stream.control.moveTo.bind(stream.control);
    stream.control.moveTo = (offset) => {
      const wakes = moveTo(offset);
      if (wakes) calls.push(stream.dump.calls.length);
      return wakes;
    };
    return { events: stream.fill({ keep: [true, true] }).events, calls };
  }
});

describe('PumpStream, failures', () => {
  const error = { kind: 'firmware', message: 'hardware error', status: -1 };

  test('a failed call is told with its position, and later fills of its epoch are skipped', () => {
    const stream = opened({ failures: [2] });
    const failed = stream.fill({ keep: [true] });
    expect(failed).toMatchObject({ position: 8192, events: [{ op: 'failed', position: 8192, error }] });
    expect(stream.fill({ keep: [true] })).toMatchObject({ position: 8192, events: [], calls: [] });
    stream.nextEpoch();
    expect(stream.fill({ keep: [true] })).toMatchObject({ start: 8192, position: B, events: [] });
  });

  test('what no source foresaw is a failure of the interface', () => {
    const stream = opened();
    stream.dump.onCall = () => {
      throw new TypeError('x is undefined');
    };
    const { events } = stream.fill({ keep: [true] });
    expect(events).toEqual([
      { op: 'failed', position: 0, error: { kind: 'interface', message: 'x is undefined' } },
    ]);
  });

  test('an open that fails leaves nothing to fill', () => {
    const stream = harness();
    const held = { kind: 'held', message: 'another program has it open' } as const;
    stream.dump.openFailure = new SourceError(held);
    expect(stream.send(OPEN)).toEqual([{ op: 'open-failed', error: held }]);
    expect(stream.fill({ keep: [true] })).toMatchObject({ position: 0, events: [], calls: [] });
  });
});

describe('PumpStream, the cursor', () => {
  test('an open closes the one before it first', () => {
    const stream = opened();
    stream.open();
    expect(stream.dump.actions).toEqual(['open', 'close', 'open']);
  });

  test('an open begins anew: position, end and bytes left over', () => {
    const stream = opened({ sizeBytes: B + 100, chunks: [B - 1, 101] });
    stream.fill({ keep: [true] });
    stream.open();
    expect(stream.control.position).toBe(0);
    expect(stream.fill({ keep: [true, true] }).events).toEqual([{ op: 'end', position: B + 100 }]);
  });

  test('close closes it once, and ends the pass', () => {
    const stream = opened();
    stream.fill({ keep: [true], stopIn: 4096 });
    expect(stream.send({ op: 'close' })).toEqual([{ op: 'closed' }]);
    expect(stream.send({ op: 'close' })).toEqual([{ op: 'closed' }]);
    expect(stream.dump.actions).toEqual(['open', 'close']);
    expect(stream.fill({ keep: [true] })).toMatchObject({ position: 4096, calls: [], events: [] });
  });

  test('close leaves no bytes of the dump outside of the arena', () => {
    const stream = opened({ chunks: [4000] });
    stream.fill({ keep: [false] });
    const [bounce] = stream.dump.buffers;
    expect(bounce?.some((byte) => byte !== 0)).toBe(true);
    stream.send({ op: 'close' });
    expect(bounce?.some((byte) => byte !== 0)).toBe(false);
  });

  test('invalidate reaches it, and only then', () => {
    const stream = opened({ sizeBytes: 100 });
    stream.fill({ keep: [true] });
    expect(stream.dump.actions).toEqual(['open']);
    expect(stream.send({ op: 'invalidate' })).toEqual([{ op: 'invalidated' }]);
    expect(stream.dump.actions).toEqual(['open', 'invalidate']);
  });

  test('what invalidate fails with is told', () => {
    const stream = opened();
    const unfinished = { kind: 'unfinished', message: 'not read to its end' } as const;
    stream.dump.invalidateFailure = new SourceError(unfinished);
    expect(stream.send({ op: 'invalidate' })).toEqual([{ op: 'invalidate-failed', error: unfinished }]);
  });

  test('invalidate without one fails and opens none', () => {
    const stream = harness();
    expect(stream.send({ op: 'invalidate' })).toMatchObject([
      { op: 'invalidate-failed', error: { kind: 'interface' } },
    ]);
    expect(stream.dump.actions).toEqual([]);
  });
});
