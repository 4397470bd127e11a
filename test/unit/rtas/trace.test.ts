import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { dumpTag } from '../../../src/base/tag.js';
import { FirmwareTrace, TraceDesk } from '../../../src/rtas/index.js';
import type { FirmwareCall } from '../../../src/rtas/index.js';
import { compiled } from '../../support/compiled.js';
import { PATIENCE } from '../../support/patience.js';

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

describe('FirmwareTrace', () => {
  test('tells the desk a line for each call', async () => {
    const lines: string[] = [];
    using desk = new TraceDesk({
      append: (line) => lines.push(line),
      addLost: () => undefined,
      settle: (done) => done(),
    });
    new FirmwareTrace(desk.channel).record({ ...call(0), sequence: 0xabcn, startedAtMs: 1.5 });
    await expect.poll(() => lines, PATIENCE).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      time: '1970-01-01T00:00:00.001500Z',
      op: 'read',
      tag: '0x0000000200000001',
      sequence: '0xabc',
      offset: 0,
      length: 4096,
      status: 1,
      bytes: 4096,
      durationUs: 13,
    });
  });

  test('waits until all lines are written, in the order of the calls, and no second time for who does not answer', async () => {
    const told: string[] = [];
    const waiting: (() => void)[] = [];
    using desk = new TraceDesk({
      append: (line) => told.push(String((JSON.parse(line) as FirmwareCall).offset)),
      addLost: (count) => told.push(`lost ${count}`),
      settle(done) {
        told.push('settle');
        if (told.length < 6) done();
        else waiting.push(done);
      },
    });
    const script = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.module).then(({ FirmwareTrace }) => {
        const trace = new FirmwareTrace(workerData.channel);
        parentPort.on('message', (offsets) => {
          for (const offset of offsets) trace.record({ ...workerData.call, offset });
          const begun = performance.now();
          trace.settle();
          parentPort.postMessage(performance.now() - begun);
        });
      });`;
    const workerData = { module: compiled('rtas/trace.js'), channel: desk.channel, call: call(0) };
    const thread = new Worker(script, { eval: true, workerData });
    const ask = (...offsets: number[]): Promise<number> => {
      thread.postMessage(offsets);
      return new Promise((resolve) => thread.once('message', resolve));
    };
    try {
      expect(await ask(1, 2)).toBeLessThan(1000);
      expect(told).toEqual(['1', '2', 'settle']);
      // Nothing to write: nothing to wait for.
      await ask();
      expect(told).toHaveLength(3);
      expect(await ask(3, 4)).toBeGreaterThan(900);
      expect(told.slice(3)).toEqual(['3', '4', 'settle']);
      await ask(5);
      await expect.poll(() => told.slice(6), PATIENCE).toEqual(['5']);
      waiting[0]?.();
      await ask(6);
      expect(told.slice(7)).toEqual(['6', 'settle']);
      // No more lines are under way than the main thread passes on at once: the others are lost, and counted.
      await ask(...Array.from({ length: 80 }, (_, index) => index));
      await expect.poll(() => told.slice(9), PATIENCE).toHaveLength(64);
      waiting[1]?.();
      await ask(7);
      await expect.poll(() => told.slice(9 + 64, 9 + 67), PATIENCE).toEqual(['settle', 'lost 16', '7']);
    } finally {
      await thread.terminate();
    }
  });
});
