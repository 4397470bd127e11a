import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dumpTag } from '../../../src/base/tag.js';
import { FirmwareTrace, checkTraceFile, onTraceTrouble } from '../../../src/rtas/index.js';
import type { FirmwareCall } from '../../../src/rtas/index.js';
import { PATIENCE } from '../../support/patience.js';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'platdumpfs-trace-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function call(offset: number): FirmwareCall {
  return {
    tag: dumpTag(0x2_0000_0001n),
    op: 'read',
    offset,
    length: 4096,
    status: 1,
    bytes: 4096,
    durationUs: 12.6,
  };
}

function linesIn(path: string): Record<string, unknown>[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('checkTraceFile says in one line what is wrong with the place', () => {
  expect(() => checkTraceFile(join(directory, 'missing', 'trace'))).toThrow('ENOENT');
  expect(() => checkTraceFile(directory)).toThrow('EISDIR');
});

describe('FirmwareTrace.record', () => {
  test('writes a line for each call', () => {
    const path = join(directory, 'trace');
    using trace = new FirmwareTrace(path);
    trace.record({ ...call(0), sequence: 0xabcn, startedAtMs: 1.5 });
    expect(linesIn(path)).toEqual([
      {
        time: '1970-01-01T00:00:00.001500Z',
        op: 'read',
        tag: '0x0000000200000001',
        sequence: '0xabc',
        offset: 0,
        length: 4096,
        status: 1,
        bytes: 4096,
        durationUs: 13,
      },
    ]);
  });

  test('never fails: where there is no place for a line, that is told once, and later how many are missing', async () => {
    const place = join(directory, 'not-yet');
    const path = join(place, 'trace');
    const told: string[] = [];
    using listening = onTraceTrouble((reason) => told.push(reason));
    expect(listening).toBeDefined();
    using trace = new FirmwareTrace(path);
    trace.record(call(0));
    trace.record(call(4096));
    mkdirSync(place);
    const limit = performance.now() + 20_000;
    // It is tried again after a while, not at each call.
    let calls = 2;
    await expect
      .poll(() => {
        trace.record(call(4096 * calls));
        calls += 1;
        try {
          return linesIn(path).length;
        } catch {
          return 0;
        }
      }, PATIENCE)
      .toBeGreaterThan(0);
    expect(performance.now()).toBeLessThan(limit);
    const [first] = linesIn(path);
    expect(first).toMatchObject({ offset: 4096 * Number(first?.['lost']) });
    expect(first?.['lost']).toBeGreaterThanOrEqual(2);
    trace.record(call(0));
    expect(linesIn(path).at(-1)).not.toHaveProperty('lost');
    await expect.poll(() => told).toHaveLength(1);
    expect(told[0]).toContain('ENOENT');
  });
});
