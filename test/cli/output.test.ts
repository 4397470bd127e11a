import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Finished } from './program.js';
import { PROGRAM, Workshop } from './program.js';

const TAG = '0x0000000000000001';

const workshop = new Workshop();
beforeAll(() => workshop.mount(`--sim-dump=${TAG}:64KiB`));
afterAll(() => workshop[Symbol.asyncDispose]());

/** Their list is longer than a pipe holds. */
const MANY = Array.from({ length: 1500 }, (_, id) => `--sim-dump=${id + 1}:4KiB`);

function runInto(output: string, ...args: string[]): Finished {
  const script = 'output=$1; shift; exec "$@" > "$output"';
  return workshop.exec('sh', ['-c', script, 'sh', output, process.execPath, PROGRAM, ...args]);
}

describe('output that cannot be written is a failure, in one line', () => {
  test.each([
    ['list'],
    ['list', '--json'],
    ['list', '--source=sim'],
    ['info', TAG],
    ['info', TAG, '--json'],
    ['doctor', '--source=sim'],
    ['doctor', '--source=sim', '--json'],
    ['help'],
    ['help', 'mount'],
    ['--version'],
  ])('%s %s', (...args) => {
    const { status, stderr } = runInto('/dev/full', ...args);
    expect(stderr).toBe(
      'platdumpfs: standard output cannot be written: ENOSPC: no space left on device, write\n',
    );
    expect(status).toBe(1);
  });

  test('also where a part of it was', () => {
    const place = workshop.path('small');
    mkdirSync(place);
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'none', place]).status).toBe(0);
    try {
      const { status, stderr } = runInto(`${place}/out`, 'list', '--source=sim', '--json', ...MANY);
      expect(statSync(`${place}/out`).size).toBe(4096);
      expect(stderr).toMatch(/^platdumpfs: standard output cannot be written: ENOSPC[^\n]*\n$/);
      expect(status).toBe(1);
    } finally {
      spawnSync('umount', [place]);
    }
  });
});

describe('a reader that goes away is no failure', () => {
  test.each([['list'], ['help', 'mount'], ['info', TAG]])('%s %s', (...args) => {
    const script = '"$@" | true; exit "${PIPESTATUS[0]}"';
    const finished = workshop.exec('bash', ['-c', script, 'bash', process.execPath, PROGRAM, ...args]);
    expect(finished).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});

test('a pipe that does not wait gets all of it', () => {
  const reader = 'import time; time.sleep(0.5); import sys; print(len(sys.stdin.buffer.read()))';
  const writer = 'import os, sys; os.set_blocking(1, False); os.execvp(sys.argv[1], sys.argv[1:])';
  const script = 'reader=$1; shift; "$@" | python3 -c "$reader"; exit "${PIPESTATUS[0]}"';
  const program = [process.execPath, PROGRAM, 'list', '--source=sim', '--json', ...MANY];
  const whole = workshop.exec(program[0]!, program.slice(1)).stdout.length;
  expect(whole).toBeGreaterThan(65_536);
  const finished = workshop.exec('bash', ['-c', script, 'bash', reader, 'python3', '-c', writer, ...program]);
  expect(finished).toEqual({ status: 0, stdout: `${whole}\n`, stderr: '' });
});
