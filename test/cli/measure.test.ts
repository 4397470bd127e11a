import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Workshop } from './program.js';

const TAG = '0x0000000200000001';
const LOCKED = 'none integrity [confidentiality]\n';
const BYTES = 1_000_003;

let workshop: Workshop;
beforeEach(() => {
  workshop = new Workshop();
  mkdirSync(workshop.path('dumps'));
  writeFileSync(join(workshop.path('dumps'), TAG), 'SECRET'.repeat(BYTES / 6 + 1).slice(0, BYTES));
});
afterEach(() => workshop[Symbol.asyncDispose]());

function measure(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const from = ['--source=sim', `--sim-dir=${workshop.path('dumps')}`];
  return workshop.run('doctor', '--measure', TAG, ...from, ...args);
}

test.each([
  { discipline: 'papr', secondStart: /^refused: held/, oldSequence: 'the interface takes none' },
  { discipline: 'librtas', secondStart: /^not tried$/, oldSequence: 'the same bytes' },
])('doctor --measure of $discipline', ({ discipline, secondStart, oldSequence }) => {
  const { status, stdout, stderr } = measure(`--sim-discipline=${discipline}`);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const measured = JSON.parse(stdout) as Record<string, unknown>;
  expect(measured).toMatchObject({
    source: 'sim',
    bytes: BYTES,
    startAgain: 'the same bytes',
    secondStart: expect.stringMatching(secondStart) as string,
    oldSequence,
  });
  const durations = measured['durations'] as { calls: number }[];
  const outcomes = measured['outcomes'] as Record<string, number>;
  expect(outcomes['complete']).toBe(1);
  expect(durations.reduce((sum, { calls }) => sum + calls, 0)).toBe(measured['calls']);
  const chunks = measured['chunkSizes'] as { bytes: number; calls: number }[];
  expect(chunks.reduce((sum, { bytes, calls }) => sum + bytes * calls, 0)).toBe(BYTES);
  expect(stdout).not.toMatch(/SECRET|200000001/i);
  expect(readdirSync(workshop.path('dumps'))).toContain(TAG);
  expect(readFileSync(join(workshop.path('dumps'), TAG))).toHaveLength(BYTES);
});

test('doctor --measure refuses under lockdown', () => {
  writeFileSync(workshop.path('lockdown'), LOCKED);
  const { status, stdout, stderr } = measure(`--lockdown-file=${workshop.path('lockdown')}`);
  expect({ status, stdout }).toEqual({ status: 4, stdout: '' });
  expect(stderr).toMatch(/^platdumpfs: locked down[^\n]*\n$/);
});

test('doctor --measure keeps away from a dump that a daemon serves', async () => {
  await workshop.mount(`--sim-dir=${workshop.path('dumps')}`);
  const { status, stdout, stderr } = measure();
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^platdumpfs: the daemon at \S+ serves this dump[^\n]*\n$/);
});

test('doctor --measure says in one line that there is no such dump', () => {
  const from = ['--source=sim', `--sim-dir=${workshop.path('dumps')}`];
  const { status, stdout, stderr } = workshop.run('doctor', '--measure', '77', ...from);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^platdumpfs: [^\n]*\n$/);
});
