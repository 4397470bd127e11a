import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RepeatedLine } from '../../../src/base/repeated-line.js';

let lines: string[];
let line: RepeatedLine;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  line = new RepeatedLine((message, fields) => lines.push(`${message} ${JSON.stringify(fields)}`), 1000);
});

afterEach(() => {
  vi.useRealTimers();
});

function say(offset: number, times: number): void {
  for (let i = 0; i < times; i += 1) line.say('failed', { offset }, String(offset));
}

describe('RepeatedLine', () => {
  test('is said once, then how often it came again', () => {
    say(7, 1961);
    expect(lines).toEqual(['failed {"offset":7}']);
    vi.advanceTimersByTime(1000);
    expect(lines[1]).toBe('failed, again {"offset":7,"times":1960}');
    vi.advanceTimersByTime(10_000);
    say(7, 2);
    vi.advanceTimersByTime(1000);
    expect(lines.slice(2)).toEqual(['failed, again {"offset":7,"times":2}']);
  });

  test('says the count before it says something else', () => {
    say(7, 2);
    say(8, 1);
    expect(lines).toEqual([
      'failed {"offset":7}',
      'failed, again {"offset":7,"times":1}',
      'failed {"offset":8}',
    ]);
  });

  test('is news again once it was over', () => {
    say(7, 1);
    line.end();
    say(7, 1);
    expect(lines).toEqual(['failed {"offset":7}', 'failed {"offset":7}']);
    expect(vi.getTimerCount()).toBe(0);
  });
});
