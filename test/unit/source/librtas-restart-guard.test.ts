import { expect, test } from 'vitest';
import type { LibrtasPort, PlatformDumpAnswer } from '../../../src/rtas/index.js';
import { firstChunkMemory, guardedAgainstRestart } from '../../../src/source/librtas/restart-guard.js';

const TAG = 0x2_0000_0001n;
const CHUNK = 1024;

type Step = PlatformDumpAnswer & { readonly fill: number };

/** Answers in turn; what it was asked is noted. A chunk is told by the byte that follows its first one. */
function scripted(steps: readonly Step[]): { port: LibrtasPort; asked: bigint[] } {
  const asked: bigint[] = [];
  const port: LibrtasPort = {
    platformDump(_tag, sequence, buffer) {
      const step = steps[asked.length];
      asked.push(sequence);
      if (step === undefined) throw new Error('asked too often');
      if (buffer !== null) {
        buffer.fill(step.fill, 0, step.bytesReturned);
        buffer[0] = 0xee;
      }
      return step;
    },
  };
  return { port, asked };
}

const more = (fill: number, next: bigint): Step => ({
  status: 1,
  nextSequence: next,
  bytesReturned: CHUNK,
  fill,
});

function readAll(port: LibrtasPort, sequences: readonly bigint[]): number[] {
  return sequences.map((sequence) => {
    const buffer = new Uint8Array(CHUNK);
    port.platformDump(TAG, sequence, buffer);
    return buffer[1] ?? -1;
  });
}

test('guardedAgainstRestart asks again for a chunk that equals the first one', () => {
  const { port, asked } = scripted([more(1, 11n), more(2, 12n), more(1, 11n), more(3, 13n)]);
  const guarded = guardedAgainstRestart(port, firstChunkMemory());
  expect(readAll(guarded, [0n, 11n, 12n])).toEqual([1, 2, 3]);
  expect(asked).toEqual([0n, 11n, 12n, 12n]);
});

test('guardedAgainstRestart hands on what the second question was answered with, an error too', () => {
  const { port } = scripted([more(1, 11n), more(1, 11n), { ...more(0, 0n), status: -1, bytesReturned: 0 }]);
  const guarded = guardedAgainstRestart(port, firstChunkMemory());
  const buffer = new Uint8Array(CHUNK);
  guarded.platformDump(TAG, 0n, buffer);
  expect(guarded.platformDump(TAG, 11n, buffer).status).toBe(-1);
});

test('guardedAgainstRestart never hands on the beginning as a later chunk', () => {
  const { port } = scripted(Array.from({ length: 9 }, () => more(1, 11n)));
  const guarded = guardedAgainstRestart(port, firstChunkMemory());
  expect(() => readAll(guarded, [0n, 11n])).toThrow('begin');
});

test('guardedAgainstRestart knows the first chunk in every pass that shares the memory', () => {
  const memory = firstChunkMemory();
  readAll(guardedAgainstRestart(scripted([more(1, 11n)]).port, memory), [0n]);
  const { port, asked } = scripted([more(1, 11n), more(5, 15n)]);
  expect(readAll(guardedAgainstRestart(port, memory), [14n])).toEqual([5]);
  expect(asked).toEqual([14n, 14n]);
});

test('guardedAgainstRestart lets a new start through, and chunks of one byte throughout', () => {
  const { port, asked } = scripted([more(1, 11n), more(1, 11n), more(0xee, 12n), more(0xee, 13n)]);
  const guarded = guardedAgainstRestart(port, firstChunkMemory());
  readAll(guarded, [0n, 0n, 0n, 12n]);
  expect(asked).toEqual([0n, 0n, 0n, 12n]);
});

test('guardedAgainstRestart keeps no byte of the dump', () => {
  const memory = firstChunkMemory();
  readAll(guardedAgainstRestart(scripted([more(0x5a, 11n)]).port, memory), [0n]);
  expect(memory.byteLength).toBeLessThan(64);
});
