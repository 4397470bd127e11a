import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { dumpTag } from '../../../src/base/tag.js';
import type { DumpTag } from '../../../src/base/tag.js';
import { RecentSet } from '../../../src/base/recent-set.js';
import { Verifier } from '../../../src/dump/verifier.js';

const [A, B, C] = [1n, 2n, 3n].map(dumpTag) as [DumpTag, DumpTag, DumpTag];
const PACE_MS = 20;
const RETRY_MS = 30_000;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function setUp(answer: (tag: DumpTag) => Promise<'settled' | 'later'>): {
  verifier: Verifier;
  asked: DumpTag[];
} {
  const asked: DumpTag[] = [];
  const verify = (tag: DumpTag): Promise<'settled' | 'later'> => {
    asked.push(tag);
    return answer(tag);
  };
  return { verifier: new Verifier({ verify, paceMs: PACE_MS, retryMs: RETRY_MS }), asked };
}

test('Verifier asks one after the other, no faster than its pace', async () => {
  const { verifier, asked } = setUp(() => Promise.resolve('settled'));
  for (const tag of [A, B, A, C]) verifier.ask(tag);
  expect(asked).toEqual([]);
  await vi.advanceTimersByTimeAsync(PACE_MS);
  expect(asked).toEqual([A]);
  await vi.advanceTimersByTimeAsync(2 * PACE_MS);
  expect(asked).toEqual([A, B, C]);
  expect(verifier.pending).toBe(0);
});

test('Verifier waits for an answer however long it takes', async () => {
  let answer: (word: 'settled') => void = () => undefined;
  const { verifier, asked } = setUp((tag) =>
    tag === A ? new Promise((resolve) => (answer = resolve)) : Promise.resolve('settled'),
  );
  verifier.ask(A);
  verifier.ask(B);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(asked).toEqual([A]);
  answer('settled');
  await vi.advanceTimersByTimeAsync(PACE_MS);
  expect(asked).toEqual([A, B]);
});

test('Verifier asks nothing else while it waits for an answer', async () => {
  let answer: (word: 'settled') => void = () => undefined;
  const { verifier, asked } = setUp(() => new Promise((resolve) => (answer = resolve)));
  verifier.ask(A);
  await vi.advanceTimersByTimeAsync(PACE_MS);
  verifier.ask(B);
  await vi.advanceTimersByTimeAsync(10 * PACE_MS);
  expect(asked).toEqual([A]);
  answer('settled');
  await vi.advanceTimersByTimeAsync(PACE_MS);
  expect(asked).toEqual([A, B]);
});

test('Verifier keeps its pace for a tag that comes in between', async () => {
  const { verifier, asked } = setUp(() => Promise.resolve('settled'));
  verifier.ask(A);
  await vi.advanceTimersByTimeAsync(PACE_MS / 2);
  verifier.ask(B);
  await vi.advanceTimersByTimeAsync(PACE_MS);
  expect(asked).toEqual([A]);
  await vi.advanceTimersByTimeAsync(PACE_MS / 2);
  expect(asked).toEqual([A, B]);
});

test('Verifier has what waits for another try and what was never asked about still to ask', async () => {
  const { verifier } = setUp(() => Promise.resolve('later'));
  verifier.ask(A);
  verifier.ask(B);
  await vi.advanceTimersByTimeAsync(PACE_MS);
  expect(verifier.pending).toBe(2);
});

test('Verifier comes back to what could not be answered, after the others and not for ever', async () => {
  const { verifier, asked } = setUp((tag) => Promise.resolve(tag === A ? 'later' : 'settled'));
  verifier.ask(A);
  verifier.ask(B);
  await vi.advanceTimersByTimeAsync(2 * PACE_MS);
  expect(asked).toEqual([A, B]);
  verifier.ask(A);
  await vi.advanceTimersByTimeAsync(RETRY_MS);
  expect(asked).toEqual([A, B, A]);
  await vi.advanceTimersByTimeAsync(100 * RETRY_MS);
  expect(asked.filter((tag) => tag === A)).toHaveLength(5);
  expect(verifier.pending).toBe(0);
});

test('Verifier asks again about a tag that is announced after its answer', async () => {
  const { verifier, asked } = setUp(() => Promise.resolve('settled'));
  verifier.ask(A);
  await vi.advanceTimersByTimeAsync(PACE_MS);
  verifier.ask(A);
  await vi.advanceTimersByTimeAsync(PACE_MS);
  expect(asked).toEqual([A, A]);
});

test('Verifier asks nothing once stopped', async () => {
  const { verifier, asked } = setUp(() => Promise.resolve('later'));
  verifier.ask(A);
  await vi.advanceTimersByTimeAsync(PACE_MS);
  verifier.ask(B);
  verifier.stop();
  verifier.ask(C);
  await vi.advanceTimersByTimeAsync(10 * RETRY_MS);
  expect(asked).toEqual([A]);
});

test('Verifier that is stopped while firmware answers comes back to nothing', async () => {
  let answer: (word: 'later') => void = () => undefined;
  const { verifier, asked } = setUp(() => new Promise((resolve) => (answer = resolve)));
  verifier.ask(A);
  await vi.advanceTimersByTimeAsync(PACE_MS);
  verifier.stop();
  answer('later');
  await vi.advanceTimersByTimeAsync(2 * RETRY_MS);
  expect(asked).toEqual([A]);
  expect(verifier.pending).toBe(0);
});

test('RecentSet forgets what was added longest ago', () => {
  const recent = new RecentSet<number>(2);
  for (const key of [1, 2, 1, 3]) recent.add(key);
  expect([1, 2, 3].map((key) => recent.has(key))).toEqual([true, false, true]);
});
